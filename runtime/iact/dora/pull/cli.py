"""`iact pull`: fetching the past from GitHub and GitLab."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from iact.config.model import PulledSource
    from iact.config.project import Project
    from iact.dora.pull.model import Pulled
    from iact.sources.rest.client import Server
    from iact.sources.rest.stream import Hosting, Remote

OPTIONS = (
    click.argument("name", metavar="[OWNER/NAME]", required=False),
    click.option("--since", metavar="MOMENT", help="Go back to this moment; left out, a year at the first pull."),
    click.option("--token", metavar="REFERENCE", help="Where the token is: env:NAME or file:path, never the token."),
    click.option("--url", help="Where the API of a server of your own begins."),
    click.option(
        "--repo",
        type=click.Path(path_type=Path),
        default=".",
        show_default=True,
        help="The git repository that the events are about.",
    ),
    click.option(
        "--kind",
        "kinds",
        multiple=True,
        type=click.Choice(["deployment", "incident", "change", "pipeline"]),
        help="Ask for this kind alone; may be given several times.",
    ),
    click.option("--wait", default="5m", show_default=True, help="How long to wait for rate limits, in all."),
    click.option("--strict", is_flag=True, help="Stop before the first page that holds an item to be rejected."),
    click.option("--dry-run", is_flag=True, help="Only look: ask, say what would be new, and write nothing."),
    click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True),
    click.option("--store", type=click.Path(path_type=Path), help="Another SQLite file than the project's."),
)


def pulling(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a pull."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.group()
def pull() -> None:
    """Fetch deployments, incidents and changes of the past from GitHub or GitLab.

    What is known is not asked for again, and a pull that was interrupted goes on where it stopped. Left out, everything
    is as `sources` of iact.yaml says (docs/ingest.md).

    Exit codes: 0 all was read, 1 some was rejected, 2 usage or configuration, 3 the server gave less than was asked.
    """


@pull.command()
@pulling
def github(**asked: Any) -> None:
    """Fetch from GitHub: deployments, workflow runs, pull requests with reviews, and issues labelled incident.

    Such as `iact pull github shop/web --token env:GITHUB_TOKEN --since 2026-01-01`.
    """
    with _extra():
        from iact.sources.rest.github import GITHUB
    _pull(GITHUB, **asked)


@pull.command()
@pulling
def gitlab(**asked: Any) -> None:
    """Fetch from GitLab: deployments, pipelines, merge requests with approvals, incidents and issues labelled so.

    Such as `iact pull gitlab shop/web --token env:GITLAB_TOKEN --since 2026-01-01`.
    """
    with _extra():
        from iact.sources.rest.gitlab import GITLAB
    _pull(GITLAB, **asked)


class SystemClock:
    """This machine's clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)


def _pull(  # noqa: PLR0913 - one parameter for each argument and option
    hosting: Hosting,
    *,
    name: str | None,
    since: str | None,
    token: str | None,
    url: str | None,
    repo: Path,
    kinds: tuple[str, ...],
    wait: str,
    strict: bool,
    dry_run: bool,
    form: str,
    store: Path | None,
) -> None:
    from iact.config.opening import open_project
    from iact.dora.pull.read import Session
    from iact.dora.pull.run import pull as pull_streams
    from iact.dora.records import Place
    from iact.dora.repository import event_rules, open_store, repository_key
    from iact.sources.rest.client import Client
    from iact.sources.rest.stream import Wanted

    clock = SystemClock()
    now = clock.now()
    project = open_project()
    settings = getattr(project.settings.sources, hosting.key)
    full_name = _full_name(name, settings, hosting)
    moment = _since(since, settings, now)
    client = Client(_server(hosting, settings, project, url, token), clock, _patience(wait), _tell)
    engine = open_store(project, store, only_look=dry_run)
    try:
        place = Place(project=project.name, repository=repository_key(repo, project, engine))
        with _progress() as progress:
            remote = hosting.find(client, client.host, full_name)
            wanted = Wanted(
                rules=event_rules(project.settings.sources.events), environment=project.settings.sources.git.environment
            )
            streams = [one for one in hosting.streams(remote, wanted) if not kinds or one.kind in kinds]
            session = Session(
                engine=engine, place=place, client=client, since=moment, now=now, strict=strict, progress=progress
            )
            pulled = pull_streams(session, streams)
    finally:
        client.close()
        engine.dispose()
    _show(pulled, remote, hosting, form, asked_name=full_name, dry_run=dry_run)
    _end(pulled)


def _full_name(name: str | None, settings: PulledSource | None, hosting: Hosting) -> str:
    from iact.config.model import is_full_name

    found = name or (settings.repository if settings else None)
    if found is None:
        example = f"iact pull {hosting.key} OWNER/NAME, or `{hosting.key}: {{repository: OWNER/NAME}}` below `sources`"
        message = f"which repository at {hosting.name} is meant, nobody says. Name it: {example} in iact.yaml."
        raise click.UsageError(message)
    if not is_full_name(found):
        raise click.BadParameter(f"expected owner and name such as shop/web, found {found!r}.", param_hint="OWNER/NAME")
    return found


def _since(since: str | None, settings: PulledSource | None, now: datetime) -> datetime | None:
    from iact.core import instants

    if since is None:
        return settings.since if settings else None
    try:
        return instants.parse_past(since, now)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from None


def _patience(wait: str) -> timedelta:
    from iact.core.quantities import Dimension, parse

    try:
        return parse(wait, Dimension.DURATION).timedelta
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--wait") from None


def _server(
    hosting: Hosting, settings: PulledSource | None, project: Project, url: str | None, token: str | None
) -> Server:
    """Return the server and the token for it: the one that is named, else the one that everybody keeps there."""
    import os

    from iact.config.secret_reading import read_secret
    from iact.core.secret_values import SecretReference, parse

    where = (url or (settings.url if settings else None) or hosting.url).rstrip("/")
    reference = settings.token if settings and (url is None or url.rstrip("/") == settings.url) else None
    if token is not None:
        try:
            reference = parse(token)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--token") from None
    usual = SecretReference("env", hosting.token)
    if reference is None and where == hosting.url and os.environ.get(usual.name):
        reference = usual
    secret = None if reference is None else read_secret(reference, project.root)
    return hosting.server(where, secret, str(reference))


@contextmanager
def _extra() -> Iterator[None]:
    """Say which packages are missing, where they are."""
    from iact.core.errors import EnvironmentProblemError

    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "httpx":
            raise
        message = f"`iact pull` needs the package {error.name}, which is not installed: pip install 'iact[pull]'."
        raise EnvironmentProblemError(message) from error


def _tell(text: str) -> None:
    click.echo(text, err=True)


@contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    """Show on a terminal what is being read; elsewhere nothing."""
    from rich.console import Console

    with Console(stderr=True).status("Asking …") as status:
        yield lambda name, count: status.update(f"Reading {name}: {count} …")


def _show(  # noqa: PLR0913 - what to show, and how
    pulled: Pulled, remote: Remote, hosting: Hosting, form: str, *, asked_name: str, dry_run: bool
) -> None:
    from iact.dora.pull.show import lines, to_json

    if remote.name.casefold() != asked_name.casefold():
        _tell(f"{asked_name} is called {remote.name} now; write that where it is named.")
    for refused in pulled.refused:
        _tell(f"Left out: {refused}")
    if form == "json":
        click.echo(to_json(pulled, remote, hosting.key), nl=False)
        return
    for unusable in pulled.rejected:
        _tell(f"{unusable.name}: {unusable.reason}")
    for line in lines(pulled):
        click.echo(line)
    if dry_run:
        click.echo("This was a look: nothing was written.")


def _end(pulled: Pulled) -> None:
    """End the command with the error that stopped it, or with the code of what is not in order."""
    if pulled.stopped is not None:
        raise pulled.stopped
    if pulled.refused:
        raise click.exceptions.Exit(3)
    if pulled.rejected:
        raise click.exceptions.Exit(1)
