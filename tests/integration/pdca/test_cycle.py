"""A whole cycle on a real repository and a real store: plan, start, check, act."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from iact.core.errors import ConfigurationError, FindingError
from iact.engine import journal
from iact.engine.runtime import Run
from iact.pdca.facts import kept_check, kept_plan
from iact.pdca.lines import said
from iact.pdca.plan import Check
from iact.pdca.store import versions
from iact.stores.connect import reading
from tests.support.trials import Shop, improvement

LIMIT = """\
apiVersion: iact/v1
kind: Parameters
metadata: {name: limits, owner: tech-lead}
spec: {values: {review_limit: {value: 5, means: How many reviews are open at once.}}}
"""
PARAMETER = "{parameter: {name: review_limit, to: 2}}"
QUICKLY = timedelta(hours=6)
AS_EVER = timedelta(days=2, hours=12)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop with one improvement, which a person has to start."""
    shop = Shop.open(tmp_path, improvement())
    yield shop
    shop.engine.dispose()


def opened(folder: Path, *, policy: str = "", **options: str) -> Shop:
    """Return a shop whose improvement sets a parameter."""
    files = {**improvement(change=PARAMETER, **options), "policies/limits.yaml": LIMIT}
    return Shop.open(folder, files, policy=policy)


def check_of(run: Run) -> Check:
    """Return what the last check of a run came to."""
    found = kept_check(run.remembered)
    assert found is not None
    return found


def overrides(shop: Shop) -> list[tuple[object, object]]:
    """Return every version of every parameter as its value and the one before."""
    with reading(shop.engine) as connection:
        return [(one.value, one.previous) for one in versions(connection, "shop")]


def test_a_proposal_changes_nothing_until_a_person_starts_it(shop: Shop):
    run = shop.experiments().run()

    assert run.state == "proposed"
    assert overrides(shop) == []
    assert shop.history.repository.git("branch", "--list", "iact/*") == ""


def test_running_again_without_news_changes_nothing(shop: Shop):
    first = shop.experiments().run()
    second = shop.experiments().run()
    entries = len(shop.experiments().runtime.journal(first.run))
    third = shop.experiments().run()

    assert third == second
    assert len(shop.experiments().runtime.journal(first.run)) == entries


def test_a_change_that_helps_is_kept(tmp_path: Path):
    shop = opened(tmp_path)
    shop.experiments().run()
    started = shop.experiments().start("faster")
    assert started.state == "watching"
    assert overrides(shop) == [(2, None)]

    shop.history.pass_weeks(8, wait=QUICKLY)
    run = shop.experiments().runtime.advance(started.run)

    assert (run.state, run.outcome) == ("kept", "keep")
    assert check_of(run).proven
    assert overrides(shop) == [(2, None)]


def test_a_change_that_hurts_is_taken_back_exactly(tmp_path: Path):
    shop = opened(tmp_path)
    started = shop.experiments().start("faster")

    shop.history.pass_weeks(8, wait=timedelta(days=6, hours=12))
    run = shop.experiments().runtime.advance(started.run)

    assert (run.state, run.outcome) == ("reverted", "revert")
    assert overrides(shop) == [(2, None), (None, 2)]


def test_a_change_that_hurts_goes_to_a_person_where_the_policy_says_so(tmp_path: Path):
    shop = opened(tmp_path, policy="{on_worse: escalate}")
    started = shop.experiments().start("faster")

    shop.history.pass_weeks(8, wait=timedelta(days=6, hours=12))
    run = shop.experiments().runtime.advance(started.run)

    assert (run.state, run.outcome) == ("escalated", "escalate")
    assert overrides(shop) == [(2, None)]


def test_an_unclear_experiment_is_extended_to_the_limit_and_then_does_as_it_says(tmp_path: Path):
    shop = opened(tmp_path, policy="{extensions: 1}")
    started = shop.experiments().start("faster")
    shop.history.pass_weeks(8, wait=AS_EVER)
    extended = shop.experiments().runtime.advance(started.run)
    assert extended.state == "measuring"
    assert check_of(extended).extended == 1

    shop.history.pass_weeks(8, wait=AS_EVER)
    run = shop.experiments().runtime.advance(started.run)

    assert (run.state, run.outcome) == ("reverted", "revert-unclear")
    assert check_of(run).verdict == "inconclusive"
    assert overrides(shop) == [(2, None), (None, 2)]


def test_however_late_somebody_looks_the_same_figures_are_judged_once(tmp_path: Path):
    shop = opened(tmp_path, policy="{extensions: 2}")
    started = shop.experiments().start("faster")
    shop.history.pass_weeks(30, wait=AS_EVER)
    late = shop.experiments().runtime.advance(started.run)
    assert (check_of(late).looks, check_of(late).extended) == (1, 1)
    assert check_of(late).until == check_of(late).made_at + timedelta(weeks=8)

    again = shop.experiments().runtime.advance(started.run)
    assert (again.state, check_of(again)) == ("measuring", check_of(late))

    shop.history.pass_weeks(8, wait=AS_EVER)
    assert check_of(shop.experiments().runtime.advance(started.run)).looks == 2


def test_nothing_is_judged_before_the_first_check(tmp_path: Path):
    shop = opened(tmp_path)
    started = shop.experiments().start("faster")
    shop.wait("47h")
    assert shop.experiments().runtime.advance(started.run).state == "watching"

    shop.wait("1h")

    assert shop.experiments().runtime.advance(started.run).state == "measuring"


def test_enforced_and_promising_enough_it_starts_by_itself(tmp_path: Path):
    shop = opened(tmp_path, mode="enforce")

    assert shop.experiments().run().state == "watching"
    assert overrides(shop) == [(2, None)]


def test_exactly_fifteen_per_cent_is_not_worth_trying(tmp_path: Path):
    shop = opened(tmp_path, mode="enforce", metric="lead_time, falls_by: 15%")

    assert shop.experiments().run().state == "nothing_to_do"
    assert overrides(shop) == []


def test_observed_it_is_only_told(tmp_path: Path):
    shop = opened(tmp_path, mode="observe")

    assert shop.experiments().run().state == "observed"
    assert overrides(shop) == []


def test_what_is_only_observed_cannot_be_started(tmp_path: Path):
    shop = opened(tmp_path, mode="observe")

    with pytest.raises(FindingError, match=r"only observed .* Set `mode: propose`"):
        shop.experiments().start("faster")

    assert list(shop.experiments().runtime.runs()) == []


def test_by_threshold_it_is_kept_at_the_first_check_and_called_unproven(tmp_path: Path):
    shop = opened(tmp_path, policy="{verdict: threshold, window: 1 week}", check="1 week")
    started = shop.experiments().start("faster")
    shop.history.pass_weeks(1, wait=timedelta(hours=1))
    run = shop.experiments().runtime.advance(started.run)

    assert (run.state, run.outcome) == ("kept", "keep")
    assert not check_of(run).proven
    assert said(run.state, run.outcome, None, check_of(run)).startswith("Kept by the threshold: 9")


def test_harm_that_is_certain_stops_it_before_the_verdict(tmp_path: Path):
    shop = opened(tmp_path, more="stop_if: {metric: lead_time, rises_by: 50%}")
    started = shop.experiments().start("faster")
    shop.history.pass_weeks(5, wait=timedelta(days=6, hours=12))
    experiments = shop.experiments()
    experiments.runtime.advance(started.run)

    run = experiments.run() if experiments.runtime.get(started.run).active else experiments.runtime.get(started.run)
    found = experiments.runtime.get(started.run)

    assert run is not None
    assert (found.state, found.outcome) == ("reverted", "revert")
    assert found.ended_at is not None
    assert found.ended_at < found.started_at + timedelta(weeks=8)


def test_what_was_not_practised_is_not_credited(tmp_path: Path):
    shop = opened(
        tmp_path, policy="{extensions: 0}", more="adopted_if: {metric: deployment_frequency, at_least: 5/week}"
    )
    started = shop.experiments().start("faster")

    shop.history.pass_weeks(8, wait=QUICKLY)
    run = shop.experiments().runtime.advance(started.run)

    assert (run.state, run.outcome) == ("reverted", "revert-unclear")
    assert check_of(run).adopted == "false"


def test_stopped_by_a_person_it_is_taken_back(tmp_path: Path):
    shop = opened(tmp_path)
    shop.experiments().start("faster")

    run = shop.experiments().stop("faster")

    assert (run.state, run.outcome) == ("stopped", "stop")
    assert overrides(shop) == [(2, None), (None, 2)]


def test_an_experiment_can_be_stopped_although_its_definition_is_gone(tmp_path: Path):
    shop = opened(tmp_path)
    shop.experiments().start("faster")
    (shop.folder / "playbooks/improvements/faster.yaml").unlink()

    with pytest.raises(ConfigurationError, match="Did you mean faster"):
        shop.experiments().stop("fastr")
    run = shop.experiments().stop("faster")

    assert (run.state, overrides(shop)) == ("stopped", [(2, None), (None, 2)])


def test_two_experiments_on_one_metric_are_refused(tmp_path: Path):
    shop = Shop.open(tmp_path, improvement() | improvement("other"))
    shop.experiments().start("faster")

    with pytest.raises(ConfigurationError, match="faster is being tried on lead_time"):
        shop.experiments().start("other")


def test_the_store_itself_lets_no_second_run_hold_the_metric(tmp_path: Path):
    """Whoever calls the engine past the command line is refused by the hold, not by a message."""
    shop = Shop.open(tmp_path, improvement(mode="enforce") | improvement("other", mode="enforce"))
    experiments = shop.experiments()
    experiments.start("faster")

    second = experiments._begin("another subject", "other")  # noqa: SLF001 - what no command does

    assert (second.state, second.outcome) == ("refused", "refuse")


def test_running_again_goes_on_with_what_a_person_started_and_tells_of_it_first(tmp_path: Path):
    shop = opened(tmp_path)
    started = shop.experiments().start("faster")
    first, *others = shop.experiments().run_all()
    assert (first.run, first.state, others[0].state) == (started.run, "watching", "nothing_to_do")

    shop.history.pass_weeks(8, wait=QUICKLY)

    assert (shop.experiments().run().run, shop.experiments().runtime.get(started.run).state) == (started.run, "kept")


def test_what_is_proposed_comes_before_what_is_tried_on_another_metric(tmp_path: Path):
    files = improvement() | improvement("sooner", metric="deployment_frequency, rises_by: 50%")
    shop = Shop.open(tmp_path, files)
    shop.experiments().start("faster")

    planned, other = shop.experiments().run_all()

    assert (planned.state, other.state) == ("proposed", "watching")


def test_experiments_on_two_metrics_go_on_side_by_side(tmp_path: Path):
    files = improvement() | improvement("sooner", metric="deployment_frequency, rises_by: 50%")
    shop = Shop.open(tmp_path, files)

    assert shop.experiments().start("faster").state == "watching"
    assert shop.experiments().start("sooner").state == "watching"


def test_what_was_tried_is_not_proposed_again(tmp_path: Path):
    shop = opened(tmp_path)
    shop.experiments().start("faster")
    shop.experiments().stop("faster")

    plan = kept_plan(shop.experiments().run().remembered)

    assert plan is not None
    assert plan.trial is None or plan.trial.improvement != "faster"


def test_what_could_not_be_started_was_not_tried(tmp_path: Path):
    sooner = improvement("sooner", change=PARAMETER, metric="deployment_frequency, rises_by: 50%", mode="enforce")
    files = improvement(change=PARAMETER) | sooner | {"policies/limits.yaml": LIMIT}
    shop = Shop.open(tmp_path, files)
    shop.experiments().start("faster")
    while_taken = shop.experiments().run()
    shop.experiments().stop("faster")

    once_free = shop.experiments().run()

    assert (while_taken.state, once_free.state) == ("failed", "watching")


def test_what_was_left_to_a_person_to_decide_is_not_proposed_again(tmp_path: Path):
    shop = opened(tmp_path, policy="{on_worse: escalate}")
    started = shop.experiments().start("faster")
    shop.history.pass_weeks(8, wait=timedelta(days=6, hours=12))
    assert shop.experiments().runtime.advance(started.run).state == "escalated"

    assert shop.experiments().run().state == "nothing_to_do"


def test_a_proposal_gives_way_when_the_rules_have_changed(shop: Shop):
    first = shop.experiments().run()
    file = shop.folder / "playbooks/improvements/faster.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("falls_by: 60%", "falls_by: 70%"), encoding="utf-8")

    second = shop.experiments().run()

    assert shop.experiments().runtime.get(first.run).state == "superseded"
    assert (second.run != first.run, second.state) == (True, "proposed")


def test_a_proposal_grows_old_after_a_week(shop: Shop):
    first = shop.experiments().run()
    shop.wait("1w")

    second = shop.experiments().run()

    assert shop.experiments().runtime.get(first.run).state == "superseded"
    assert second.state == "proposed"


def test_an_improvement_of_a_metric_that_is_not_known_cannot_be_started(tmp_path: Path):
    shop = Shop.open(tmp_path, improvement(metric="time_to_restore, falls_by: 50%"))

    with pytest.raises(FindingError, match="time_to_restore is not known before it"):
        shop.experiments().start("faster")


def test_a_started_experiment_keeps_its_rules(tmp_path: Path):
    shop = opened(tmp_path)
    started = shop.experiments().start("faster")
    file = shop.folder / "playbooks/improvements/faster.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("8 weeks", "20 weeks"), encoding="utf-8")
    shop.history.pass_weeks(8, wait=QUICKLY)

    assert shop.experiments().runtime.advance(started.run).state == "kept"


def test_the_journal_of_a_cycle_is_whole(tmp_path: Path):
    shop = opened(tmp_path)
    started = shop.experiments().start("faster")
    shop.history.pass_weeks(8, wait=timedelta(days=6, hours=12))
    shop.experiments().runtime.advance(started.run)

    with reading(shop.engine) as connection:
        assert journal.broken_link(connection, "shop", started.run) is None


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda them: them.start("fastr"), "Did you mean faster"),
        (lambda them: them.stop("faster"), "is not being tried, so there is nothing to stop"),
        (lambda them: (them.start("faster"), them.start("faster")), "faster was started already"),
    ],
)
def test_a_command_that_makes_no_sense_says_what_to_do(shop: Shop, do, message: str):
    with pytest.raises(ConfigurationError, match=message):
        do(shop.experiments())
