"""The commands about configuration: `init`, `validate`, `schema` and `config`."""

from __future__ import annotations

from pathlib import Path

import click

_FORMATS = ("text", "json", "github", "sarif")


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True, help="How to tell it."
)
def validate(paths: tuple[Path, ...], form: str) -> None:
    """Check every rule and say everything that is wrong.

    Without PATHS, the project of the current folder is checked. A folder that has its own iact.yaml is checked as a
    project; of any other file or folder, what is wrong in it is told. Exit codes: 0 nothing wrong, 1 something is, 2
    there is no project.
    """
    from iact.config import formats
    from iact.config.validating import validated

    loaded = validated(Path.cwd(), paths)
    click.echo(formats.write(form, loaded))
    if loaded.problems:
        raise SystemExit(1)


@click.command()
@click.argument("kind", required=False)
@click.option(
    "--write",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the schemas of all kinds to this folder instead.",
)
@click.option(
    "--pages",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a documentation page for each kind to this folder instead.",
)
def schema(kind: str | None, folder: Path | None, pages: Path | None) -> None:
    """Print the JSON Schema of a kind.

    Without KIND, the kinds are listed.
    """
    from iact.config import publishing
    from iact.config.pages import write_pages

    if folder is None and pages is None:
        click.echo(publishing.schema_text(kind) if kind else publishing.list_kinds(), nl=False)
        return
    written = [*(publishing.write_schemas(folder) if folder else ()), *(write_pages(pages) if pages else ())]
    for path in written:
        click.echo(path)


@click.group()
def config() -> None:
    """Show the rules that are in force, and where each comes from."""


@config.command()
@click.argument("name", required=False)
@click.option("--kind", help="Only resources of this kind.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(name: str | None, kind: str | None, form: str) -> None:
    """Print a resource as it is in force, with the origin of each line.

    NAME is a resource's name, or Kind/name. Without NAME, all resources are listed.
    """
    from iact.config import showing
    from iact.config.opening import open_project

    project = open_project()
    click.echo(showing.show(project, name, kind, form) if name else showing.listed(project, kind, form))


@click.command()
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--github", is_flag=True, help="Add a workflow that checks every pull request.")
def init(folder: Path, *, github: bool) -> None:
    """Make a project that extends the shipped rules.

    Nothing that is there is ever overwritten: where a file is in the way, nothing is made at all.
    """
    from iact.config import starting

    for line in starting.start(folder, github=github):
        click.echo(line)
