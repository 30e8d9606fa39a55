"""The sentences of a report: what the window says, what was decided, and what to do next. Pure text out of data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from iact.core import instants
from iact.pdca import thin

if TYPE_CHECKING:
    from iact.pdca.plan import Check

_SAID: Final[Mapping[str, str]] = {
    "planning": "Planning.",
    "nothing_to_do": "Nothing to try: no improvement's condition is met by figures that are known.",
    "observed": "Only observed: the improvement's mode is `observe`, so nothing was proposed.",
    "proposed": "Proposed. Nothing was changed.",
    "superseded": "The proposal is outdated; the next run plans anew.",
    "refused": "Refused: another experiment is about the same metric.",
    "applying": "The change is being made.",
    "failed": "The change could not be made, and nothing was left behind.",
    "watching": "It is being tried; adoption and harm are judged first.",
    "first_check": "Adoption and harm are being judged.",
    "measuring": "It is being tried; the outcome is judged as soon as the releases tell enough, or the time is up.",
    "judging": "The outcome is being judged.",
    "reverting": "The change is being taken back.",
    "withdrawing": "A person stopped it; the change is being taken back.",
    "kept": "Kept: the interval of the effect excludes that nothing improved.",
    "reverted": "Taken back.",
    "stopped": "Stopped by a person and taken back.",
    "escalated": "A person has to decide.",
}
UNDER_WAY: Final = frozenset({"watching", "measuring"})
"""States in which an experiment goes on and waits for its time."""
NEXT: Final = "Next: "
"""How the line begins that holds nothing but a command."""
_BY_OUTCOME: Final[Mapping[str, str]] = {
    "keep-unproven": "Kept although it is unproven, as `if_unclear: keep` says.",
    "revert-unclear": "Taken back: nothing certain could be said in time, and `if_unclear` says revert.",
    "revert": "Taken back: the interval of the effect excludes that nothing got worse.",
}
_BY_EVIDENCE: Final = frozenset({"keep", "revert"})
"""Outcomes that say that something got better or worse."""


def said(state: str, outcome: str, message: str | None, check: Check | None = None) -> str:
    """Return what a state and the outcome that led to it mean, with the last receipt's own words.

    Args:
        state: where the run stands.
        outcome: what brought it there.
        message: of the last receipt.
        check: what the last look came to; None before the first.
    """
    sentence = _BY_OUTCOME.get(outcome, _SAID[state]) if state in {"kept", "reverted"} else _SAID[state]
    if check is not None and state in {"kept", "reverted"} and outcome in _BY_EVIDENCE:
        harmed = state == "reverted" and check.harmed
        sentence = _by_harm(check) if harmed else _by_threshold(state, check.details.get("threshold")) or sentence
    return f"{sentence} {message}" if message and state in {"failed", "escalated", "reverted", "stopped"} else sentence


def _by_harm(check: Check) -> str:
    """Say that the harm came about that `stop_if` names, and whether an interval bears it out."""
    certain = check.details["certain_harm"]
    if not certain:
        return "Taken back: the harm that `stop_if` names was seen. Unproven."
    return f"Taken back: the harm that `stop_if` names was seen, and {', '.join(certain)} did get worse."


def _by_threshold(state: str, threshold: Mapping[str, Any] | None) -> str:
    """Say by how much it was better or worse; empty where the interval decided, and not the threshold."""
    if threshold is None or threshold["improvement"] is None:
        return ""
    value, minimum = float(threshold["improvement"]["value"]), threshold["minimum"]["shown"]
    moved = f"{abs(value) * 100:.3g} % {'better' if value > 0 else 'worse'} than before" if value else "as before"
    if state == "kept":
        return f"Kept by the threshold: {moved}, more than {minimum}. Unproven."
    return f"Taken back by the threshold: {moved}, not more than {minimum} better. Unproven."


def summary(content: Mapping[str, Any]) -> Iterator[str]:
    """Walk the first lines of a report: what the window tells, what is known, what to try, what to do next.

    Args:
        content: the report document, its `lines` still empty.
    """
    if content["demo"]:
        yield "DEMO: a made-up history, to show what a report looks like; it says nothing about anybody."
    elif content["dry_run"]:
        yield "DRY RUN: nothing of this was written down, and nothing can be changed by it."
    yield from _under_way(content)
    yield content["thin"]["sentence"]
    yield from _known(content)
    yield from _missing(content)
    if content["experiment"] is None and not _nothing_is_known(content):
        yield from decided(content)
    yield from next_line(content)


def _under_way(content: Mapping[str, Any]) -> Iterator[str]:
    """Say what is being tried, or was until now, and when it is judged."""
    if content["experiment"] is not None:
        yield from decided(content)
    for other in content["others"]:
        yield f"{other['improvement']}: {other['sentence']}"


def standing(experiment: Mapping[str, Any], state: str, otherwise: str) -> str:
    """Return how an experiment stands: what is judged when while it goes on, `otherwise` what became of it."""
    since = f"being tried since {_moment(experiment['started_at'])}"
    match state:
        case "watching":
            first, verdict = _moment(experiment["first_check_at"]), _moment(experiment["verdict_by"])
            return f"{since}; adoption and harm are judged on {first}, the outcome by {verdict}."
        case "measuring":
            return f"{since}; the outcome is judged by {_moment(experiment['verdict_by'])}."
        case _:
            return otherwise


def _nothing_is_known(content: Mapping[str, Any]) -> bool:
    return not content["dora"]["repository"]["deployments"]


def _missing(content: Mapping[str, Any]) -> Iterator[str]:
    """Say which figures are unknown and why; where all of them are, with the lines that would change that."""
    for missing in content["dora"]["missing"]:
        if len(missing["metrics"]) == len(content["dora"]["metrics"]):
            yield f"Every figure is unknown: {missing['reason']}."
            continue
        count = len(missing["add"])
        add = f" (add {count} lines: {missing['see'].removesuffix('.md')})" if count else ""
        labels = ", ".join([missing["metrics"][0], *(label.lower() for label in missing["metrics"][1:])])
        yield f"{labels}: unknown, {missing['reason']}{add}"


def next_line(content: Mapping[str, Any]) -> Iterator[str]:
    """Say the one command that comes next, as it can be copied."""
    if content["next"]["command"]:
        after = f"  # from {_moment(content['next']['at'])} on" if content["next"]["waits"] else ""
        yield f"{NEXT}{content['next']['command']}{after}"


def _known(content: Mapping[str, Any]) -> Iterator[str]:
    useful = content["thin"]["useful"]
    figures = {metric["name"]: metric for metric in content["dora"]["metrics"]}
    lead = figures.get("lead_time")
    if lead is None or lead["value"] is None:
        return
    interval = f" {lead['interval']['shown']}" if lead["interval"] else f" ({lead['no_interval']})"
    releases = f"{useful['releases']} release{'s' if useful['releases'] != 1 else ''}"
    length = thin.span_words(int(float(useful["length"]["value"])))
    yield f"{length}: lead time {lead['shown']}{interval}, {releases}{_longest_stage(content)}"


def _longest_stage(content: Mapping[str, Any]) -> str:
    breakdown = content["dora"]["breakdown"]
    stages = [stage for stage in (breakdown["stages"] if breakdown else ()) if stage["share"]]
    if not stages:
        return ""
    longest = max(stages, key=lambda stage: float(stage["share"]["value"]))
    share = round(float(longest["share"]["value"]) * 100)
    return f"; {share} % of it is {longest['stage']}"


def decided(content: Mapping[str, Any]) -> Iterator[str]:
    """Say what was decided: what to try, or how what is being tried stands."""
    plan, experiment, state = content["plan"], content["experiment"], content["decision"]["state"]
    if experiment is not None:
        yield from _tried(content, experiment)
        return
    if plan is None or plan["improvement"] is None:
        sentence = nothing_to_try(plan["considered"] if plan else (), content["decision"]["sentence"])
        yield f"{sentence} Nothing was changed."
        return
    if state in {"proposed", "observed"}:
        yield f"Try {plan['improvement']}: {_could_detect(plan)}. Nothing was changed."
        return
    if state == "refused":
        yield f"{plan['improvement']}: {_refused(plan)} Nothing was changed."
        return
    yield f"{plan['improvement']}: {content['decision']['sentence']}"


def nothing_to_try(considered: Iterable[Mapping[str, Any]], otherwise: str = _SAID["nothing_to_do"]) -> str:
    """Return the sentence that says why there is no plan.

    Args:
        considered: every improvement, with what the figures say to its condition.
        otherwise: the sentence where none of those whose condition is true was set aside.
    """
    reasons = [reason for one in considered if one["truth"] == "true" and (reason := set_aside(one))]
    return f"Nothing to try: {'; '.join(dict.fromkeys(reasons))}." if reasons else otherwise


def _refused(plan: Mapping[str, Any]) -> str:
    """Return why an improvement that a person asked for is not tried now."""
    chosen = next((one for one in plan["considered"] if one["improvement"] == plan["improvement"]), None)
    busy = chosen["busy_with"] if chosen is not None else ""
    return f"refused: {busy} is being tried on {plan['metric']}." if busy else _SAID["refused"]


def set_aside(considered: Mapping[str, Any]) -> str:
    """Return why an improvement whose condition may well hold is not tried; empty where nothing speaks against it."""
    if considered["busy_with"]:
        return f"{considered['busy_with']} is being tried on {considered['metric']}"
    return f"{considered['improvement']} was {considered['tried']} before" if considered["tried"] else ""


def _could_detect(plan: Mapping[str, Any]) -> str:
    """Return what the time until the verdict, or half a year, could detect; or why no time could."""
    rows = [row for row in plan["detectable"] if row["effect"] is not None and row["after"] in {"8 weeks", "26 weeks"}]
    promised = float(plan["expected"]["value"])
    if not rows:
        reasons = [row["reason"] for row in plan["detectable"] if row["reason"]]
        return f"no time could prove it yet: {reasons[-1]}" if reasons else "too few releases are known to say more"
    enough = next((row for row in rows if abs(float(row["effect"]["value"])) <= promised), None)
    if enough is not None:
        return f"{enough['after']} could detect {enough['effect']['shown']}"
    last, rate = rows[-1], f"{float(plan['releases_a_week']):.2g}"
    releases = f"{rate} release{'s' if rate != '1' else ''} a week"
    promise = f"{last['effect']['shown'][0]}{plan['expected']['shown']}"
    return f"it promises {promise}; at {releases}, {last['after']} can prove only {last['effect']['shown']} or more"


def _tried(content: Mapping[str, Any], experiment: Mapping[str, Any]) -> Iterator[str]:
    stands = standing(experiment, content["decision"]["state"], content["decision"]["sentence"])
    yield f"{experiment['improvement']}: {stands}"
    yield from _unmet(content["plan"])
    effect, plan = experiment["effect"], content["plan"]
    if effect is None:
        return
    if effect["missing"]:
        yield f"{plan['metric_label']}: no comparison yet ({effect['missing']})"
    else:
        yield (
            f"{plan['metric_label']}: {effect['estimate']['shown']} "
            f"[{effect['low']['shown']}, {effect['high']['shown']}] at {effect['confidence']['shown']}, "
            f"{effect['before']} releases before, {effect['after']} since"
        )
    if experiment["adopted"]["truth"] != "true":
        yield f"Not seen to be practised yet: {'; '.join(experiment['adopted']['reasons'])}"
    if experiment["verdict"] in _BY_EVIDENCE and not experiment["proven"]:
        yield "This verdict is unproven: a threshold without an interval cannot tell an effect from noise."


def _unmet(plan: Mapping[str, Any]) -> Iterator[str]:
    """Say that a person started something whose own condition is not met."""
    chosen = next((one for one in plan["considered"] if one["improvement"] == plan["improvement"]), None)
    if chosen is not None and chosen["truth"] != "true":
        said = "does not hold" if chosen["truth"] == "false" else "could not be judged"
        yield f"Its condition {said}; a person asked for it all the same: {'; '.join(chosen['reasons'])}"


def next_step(content: Mapping[str, Any], program: str, options: str) -> dict[str, Any]:
    """Return the one command that comes next, what it does, and when something happens by itself.

    Args:
        content: the report document, its `next` still empty.
        program: how this program is called.
        options: what has to follow the command to reach the same repository.
    """
    if content["demo"]:
        return _step(f"{program} run pdca --repo PATH", "The same of a history of your own.")
    state, run, plan = content["decision"]["state"], content["run"], content["plan"]
    due = run["next_due"]
    if state == "proposed":
        sentence = f"Nothing changes until a person starts it. The proposal stands until {_moment(due)}."
        return _step(f"{program} pdca start {plan['improvement']}{options}", sentence, due)
    if state in UNDER_WAY:
        what = "Adoption and harm are judged" if state == "watching" else "The figures are looked at again"
        return _step(f"{program} run pdca{options}", f"{what} on {_moment(due)}.", due, waits=True)
    if state == "nothing_to_do":
        return _idle(content, program, options)
    if state == "observed":
        return _step(f"{program} pdca plan{options}", "The plan with its statistics; nothing is started by it.")
    sentence = {
        "escalated": "Decide, then let the next run plan anew.",
        "failed": "Mend what the message names, then run it again.",
    }.get(state, "The next run plans anew.")
    return _step(f"{program} run pdca{options}", sentence)


def next_step_after_a_look_back(content: Mapping[str, Any], program: str, options: str) -> dict[str, Any]:
    """Return the command that comes after a look at the past, in which nothing can be started any more.

    What was worth trying then may not be worth it today. Parameters as for `next_step`.
    """
    if content["decision"]["state"] == "nothing_to_do":
        return _idle(content, program, f"{options} --as-of {content['as_of']}")
    sentence = f"Nothing can be started on {_moment(content['as_of'])} any more; this plans for today."
    return _step(f"{program} run pdca{options}", sentence)


def _idle(content: Mapping[str, Any], program: str, options: str) -> dict[str, Any]:
    if content["dora"]["repository"]["deployments"] == 0:
        return _step(None, f"Add these lines, then run it again: {program} run pdca{options}")
    return _step(f"{program} pdca plan{options}", "It says of every improvement why it is not tried.")


def _step(command: str | None, sentence: str, at: str | None = None, *, waits: bool = False) -> dict[str, Any]:
    return {"command": command, "sentence": sentence, "at": at, "waits": waits}


def _moment(text: str) -> str:
    return instants.show(instants.parse(text))
