"""`iact pdca replay` goes through a history with the decisions of the live path, and changes nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from iact.cli.main import iact
from iact.config.opening import open_project
from iact.core import instants
from iact.core.document_schema import text_of
from iact.core.errors import ConfigurationError, FindingError
from iact.dora.archive import Archive
from iact.dora.definitions import named_metrics
from iact.dora.figures import Window
from iact.dora.measure import read_history
from iact.dora.repository import refresh, repository_key
from iact.dora.rules import History
from iact.engine.runtime import Run
from iact.pdca import replaying
from iact.pdca.facts import kept_check
from iact.pdca.kept import Windows
from iact.pdca.measured import Measured
from iact.pdca.replay import step
from iact.pdca.replay_schema import FILE, replay_schema
from iact.stores.connect import reading
from tests.support.git import GitRepository
from tests.support.kept import keep_rows, open_passing
from tests.support.project import ROOT
from tests.support.trials import BEGIN, Shop, improvement

Command = Callable[..., Result]
LIMIT = """\
apiVersion: iact/v1
kind: Parameters
metadata: {name: limits, owner: tech-lead}
spec: {values: {review_limit: {value: 5, means: How many reviews are open at once.}}}
"""
FILES = {
    **improvement(change="{parameter: {name: review_limit, to: 2}}", more="adopted_if: {metric: lead_time, below: 3d}"),
    "policies/limits.yaml": LIMIT,
}
STARTED = BEGIN + timedelta(weeks=20, days=1)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose changes waited for days until the twentieth week, and for hours in the twenty weeks after it."""
    found = Shop.open(tmp_path, FILES)
    found.history.pass_weeks(20, wait=timedelta(hours=6))
    keep_rows(tmp_path)
    monkeypatch.chdir(tmp_path)
    return found


def replay(*options: str, form: str = "json", status: int = 0) -> Any:
    command = ["pdca", "replay", "--repo", "repository", "--format", form, *options]
    result = CliRunner().invoke(iact, command, catch_exceptions=False)
    assert result.exit_code == status, result.output
    return json.loads(result.stdout) if form == "json" else result.stdout


def at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def live(shop: Shop, start: datetime) -> Run:
    """Start the experiment for real, and let the engine's own timers lead it to its end."""
    shop.clock.moment = start
    project = open_project(shop.folder)
    repository = shop.history.repository.path
    refresh(shop.engine, project, repository, start)
    experiments = shop.experiments()
    shop.clock.moment = start
    run = experiments.start("faster")
    while run.active and run.next_due is not None:
        shop.clock.moment = run.next_due
        run = experiments.runtime.advance(run.run)
    return run


def test_a_replayed_experiment_comes_to_the_verdict_of_a_real_one_at_the_same_moment(shop, monkeypatch):
    found = replay("--from", at(STARTED), "--to", at(STARTED + timedelta(weeks=19)), "--improvement", "faster")
    (first, *_) = found["steps"]

    monkeypatch.setattr(shop.history, "now", STARTED - timedelta(minutes=1))
    run = live(shop, STARTED)
    check = kept_check(run.remembered)

    assert check is not None
    assert first["experiment"]["state"] == run.state == "kept"
    look = first["experiment"]["looks"][-1]
    assert (look["verdict"], look["decision"]) == (check.verdict, "keep")
    assert look["at"] == instants.write(check.made_at)
    assert look["effect"] == check.details["effect"]
    assert look["effect"]["method"]


@pytest.mark.parametrize("bundle", ["flask_repository", "requests_repository"])
def test_each_step_proposes_what_the_command_proposes_as_of_that_moment(bundle, request, monkeypatch):
    repository: GitRepository = request.getfixturevalue(bundle)
    monkeypatch.chdir(ROOT)
    moments = ["2013-06-01", "2018-06-01", "2023-06-01"]
    for moment in moments:
        asked = replaying.Asked(
            repo=repository.path,
            start=datetime.fromisoformat(moment).replace(tzinfo=UTC),
            end=datetime.fromisoformat(moment).replace(tzinfo=UTC) + timedelta(hours=1),
        )
        with replaying.opened(open_project(), asked) as found:
            (made,) = list(found)
        command = ["run", "pdca", "--repo", str(repository.path), "--as-of", moment, "--format", "json"]
        said = json.loads(CliRunner().invoke(iact, command, catch_exceptions=False).stdout)

        assert made.proposal.state == said["decision"]["state"]
        trial = made.proposal.trial
        assert (trial.improvement if trial else None) == said["plan"]["improvement"]


@pytest.fixture(scope="module", params=["flask_repository", "requests_repository"])
def read(request: pytest.FixtureRequest) -> Any:
    """A real history in a store, with its archive and its windows."""
    repository: GitRepository = request.getfixturevalue(request.param)
    project, engine = open_project(ROOT), open_passing()
    refresh(engine, project, repository.path, datetime(2026, 4, 10, tzinfo=UTC))
    with reading(engine) as connection:
        key = repository_key(repository.path)
        archive = Archive.read(connection, project.name, key)
        metrics = named_metrics(project)
        yield connection, project.name, key, archive, Windows(archive, metrics), metrics
    engine.dispose()


def _concerning(archive: Archive, history: History, window: Window) -> History:
    """Return a history without the failures that the store does not read: all that ended before the window."""
    later = {one.key for one in archive.deployments if one.deployed_at >= window.start}
    failures = [
        one
        for one in history.failures
        if one.restored_at is None or one.restored_at >= window.start or {one.deployment, one.restored_by} & later
    ]
    return replace(history, failures=tuple(failures))


@settings(max_examples=40, deadline=None)
@given(start=st.datetimes(datetime(2009, 1, 1), datetime(2026, 4, 1)), days=st.integers(1, 2000), late=st.booleans())  # noqa: DTZ001 - the zone is added
def test_a_window_of_the_archive_is_the_window_of_the_store(read, start, days, late):
    """And what is measured of it the same; with one begun in the middle of a release's second, too."""
    connection, project, repository, archive, windows, metrics = read
    begin = start.replace(tzinfo=UTC)
    if late:
        begin = max((one for one in archive.deployed_at if one <= begin), default=begin)
    window = Window(begin, begin + timedelta(days=days))

    expected = read_history(connection, project, repository, window, as_of=window.end)
    measured = windows.measured(window, window.end)

    assert _concerning(archive, archive.history(window, window.end), window) == expected
    whole = Measured.of(expected, window, metrics)
    assert dict(measured.figures) == dict(whole.figures)
    assert all(measured.stretch(name) == whole.stretch(name) for name in metrics)
    assert all(list(measured.in_order(name)) == list(whole.in_order(name)) for name in metrics)


@settings(max_examples=20, deadline=None)
@given(moment=st.datetimes(datetime(2011, 1, 1), datetime(2026, 4, 1)))  # noqa: DTZ001 - the zone is added
def test_the_archive_knows_no_more_of_failures_than_was_known(read, moment):
    connection, project, repository, archive, _, _ = read
    as_of = moment.replace(tzinfo=UTC)
    window = Window.ending(as_of, timedelta(days=730))

    expected = read_history(connection, project, repository, window, as_of=as_of)

    assert _concerning(archive, archive.history(window, as_of), window).failures == expected.failures


@pytest.mark.usefixtures("shop")
def test_every_look_of_every_step_is_told_with_its_effect_and_counted():
    found = replay("--from", at(STARTED), "--to", at(STARTED + timedelta(weeks=19)), "--every", "4w")

    assert [step["at"] for step in found["steps"]] == [
        instants.write(STARTED + timedelta(weeks=4 * number)) for number in range(5)
    ]
    looks = [look for step in found["steps"] if step["experiment"] for look in step["experiment"]["looks"]]
    counted = found["summary"]
    assert sum(counted["looks"].values()) == sum(look["judged"] for look in looks) > 0
    for verdict, count in counted["looks"].items():
        assert count == sum(look["judged"] and look["verdict"] == verdict for look in looks)
    assert sum(counted["ends"].values()) == counted["experiments"] == 5
    assert counted["proposed"] == {"faster": 5}
    assert "every keep is a false one, or a coincidence" in counted["warning"]


@pytest.mark.usefixtures("shop")
def test_the_table_holds_a_row_for_each_look():
    options = ("--from", at(STARTED), "--to", at(STARTED + timedelta(weeks=19)), "--every", "9w")
    steps = replay(*options)["steps"]

    rows = list(csv.DictReader(io.StringIO(replay(*options, form="csv"))))

    told = [(step["at"], look["at"], look["verdict"]) for step in steps for look in (step["experiment"] or {})["looks"]]
    assert [(row["step"], row["looked_at"], row["verdict"]) for row in rows if row["look"]] == told
    assert {row["step"] for row in rows} == {step["at"] for step in steps}
    assert all(float(row["low"]) <= float(row["effect"]) <= float(row["high"]) for row in rows if row["effect"])


def test_the_published_schema_is_the_one_that_replays_keep():
    assert (ROOT / "catalog/schemas" / FILE).read_text(encoding="utf-8") == text_of(replay_schema())


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    "options",
    [
        ("--from", at(STARTED), "--to", at(STARTED + timedelta(weeks=19)), "--every", "4w"),
        ("--from", at(STARTED), "--to", at(STARTED + timedelta(weeks=1)), "--improvement", "faster"),
        ("--from", at(BEGIN), "--to", at(BEGIN + timedelta(weeks=2))),
    ],
    ids=["verdicts", "not judged", "nothing to try"],
)
def test_every_replay_fits_the_published_schema(options):
    Draft202012Validator(replay_schema()).validate(replay(*options))


def test_looks_at_a_real_history_fit_the_schema_and_say_why_a_certain_improvement_is_not_kept(
    requests_repository, monkeypatch
):
    """In the spring of 2017 requests was released 14 times in a month, which nobody had planned by a rule of ours."""
    monkeypatch.chdir(ROOT)
    moments = ("--from", "2016-12-13", "--to", "2017-07-25", "--every", "4w")
    options = ("--repo", str(requests_repository.path), *moments, "--improvement", "release-weekly")

    found, shown = replay(*options), replay(*options, form="text")

    Draft202012Validator(replay_schema()).validate(found)
    looks = [look for step in found["steps"] for look in step["experiment"]["looks"]]
    held_back = [look for look in looks if look["held_back"]]
    assert {tuple(look["held_back"]) for look in held_back} == {("it is not practised",)}
    assert all(look["verdict"] == "inconclusive" and look["adopted"] == "false" for look in held_back)
    assert "; but it is not practised" in shown
    assert found["summary"]["compared"] == sum(not look["effect"]["missing"] for look in looks) > 0
    assert f"Enough releases to compare: at {found['summary']['compared']} of {len(looks)} looks." in shown


def test_a_stop_for_harm_names_the_metric_that_got_worse_and_is_called_a_false_one(tmp_path, monkeypatch):
    """Changes wait more than twice as long since the start, so `stop_if: lead_time rises_by 25%` holds credibly."""
    rules = improvement(
        "oftener",
        metric="deployment_frequency, rises_by: 60%",
        more="stop_if: {metric: lead_time, rises_by: 25%}",
    )
    shop = Shop.open(tmp_path, rules)
    shop.history.pass_weeks(20, wait=timedelta(days=6))
    monkeypatch.chdir(tmp_path)
    options = ("--from", at(STARTED), "--to", at(STARTED + timedelta(weeks=19)), "--every", "52w")

    found, shown = replay(*options), replay(*options, form="text")

    Draft202012Validator(replay_schema()).validate(found)
    (stopped,) = [look for step in found["steps"] for look in step["experiment"]["looks"] if not look["judged"]]
    assert (stopped["harmed"], stopped["decision"]) == (["lead_time"], "revert")
    assert "harm, revert: lead_time credibly got worse; deployment_frequency " in shown
    assert "and so is every stop" in shown


@pytest.mark.usefixtures("shop")
def test_steps_that_could_not_tell_are_shown_together_with_the_number_of_looks_for_each_reason():
    shown = replay("--from", at(BEGIN), "--to", at(BEGIN + timedelta(weeks=20)), "--every", "1w", form="text")

    (nothing,) = [line for line in shown.splitlines() if "nothing to try" in line]
    assert nothing.endswith("nothing to try: no condition is true (1 unknown)")
    assert "not judged yet" in shown


@pytest.mark.usefixtures("shop")
def test_people_are_shown_each_verdict_with_its_effect():
    shown = replay("--from", at(STARTED), "--to", at(STARTED + timedelta(weeks=19)), "--every", "52w", form="text")

    assert "2026-05-26  faster" in shown
    assert "keep" in shown
    assert "−" in shown
    assert "Verdicts: keep 1," in shown
    assert "false one" in shown


def test_nothing_is_changed_or_kept_by_going_through_a_history(shop):
    before = {path: path.read_bytes() for path in sorted(shop.folder.rglob("*")) if path.is_file()}
    refs = shop.history.repository.git("for-each-ref")

    replay("--from", at(STARTED), "--every", "4w", "--improvement", "faster")

    assert {path: path.read_bytes() for path in sorted(shop.folder.rglob("*")) if path.is_file()} == before
    assert shop.history.repository.git("for-each-ref") == refs


def test_an_interrupted_replay_shows_what_it_found_and_goes_on_where_it_stopped(shop, monkeypatch):
    options = ("--to", at(STARTED + timedelta(weeks=19)), "--every", "5w")
    whole = replay("--from", at(STARTED), *options)
    make = step
    made: list[datetime] = []

    def interrupted(machine, context, *more):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(context.now)
        return make(machine, context, *more)

    monkeypatch.setattr(replaying, "step", interrupted)
    first = replay("--from", at(STARTED), *options, status=1)
    monkeypatch.undo()
    monkeypatch.chdir(shop.folder)
    rest = replay("--from", first["go_on_from"], *options)

    assert first["steps"] + rest["steps"] == whole["steps"]
    assert (len(first["steps"]), rest["go_on_from"], whole["go_on_from"]) == (2, None, None)


def test_the_steps_are_as_far_apart_as_the_schedule_says(shop):
    settings_file = shop.folder / "iact.yaml"
    text = settings_file.read_text(encoding="utf-8")
    settings_file.write_text(f"{text}  schedule: [{{run: pdca, every: 3 weeks}}]\n", encoding="utf-8")

    found = replay("--to", at(BEGIN + timedelta(weeks=12)))

    assert found["every"]["shown"] == "3w"
    assert found["steps"][0]["at"] == "2026-01-06T00:00:00.000000Z"
    assert len(found["steps"]) == 4


def test_an_improvement_that_nobody_may_try_is_told_and_not_judged(shop):
    file = shop.folder / "playbooks/improvements/faster.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("mode: propose", "mode: observe"), encoding="utf-8")

    found = replay("--from", at(STARTED), "--improvement", "faster", "--every", "52w")

    assert [step["decision"] for step in found["steps"]] == ["observe"]
    assert [(step["experiment"]["state"], step["experiment"]["looks"]) for step in found["steps"]] == [("observed", [])]


@pytest.mark.usefixtures("shop")
def test_a_history_without_a_release_and_steps_that_make_no_sense_are_told(tmp_path):
    GitRepository.create(tmp_path / "bare").commit(at="2026-01-01")
    with pytest.raises(FindingError, match="has no release"):
        replay("--repo", "bare")
    with pytest.raises(ConfigurationError, match="is not before the end"):
        replay("--from", "2026-05-01", "--to", "2026-04-01")
    with pytest.raises(ConfigurationError, match="faster"):
        replay("--improvement", "fastr")
