"""Agents that are drawn: every part of an agent that the engine has to carry out, in any order, and always an end."""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Final

from iact.engine.definitions import Definition
from tests.support.agents import agent_definition

VARIETY: Final = 300
"""How many agents there are to draw from."""
_DEEDS: Final = ("simulated_checked", "simulated_checked", "simulated_blind", "simulated_page")


@lru_cache(maxsize=VARIETY)
def drawn_agent(number: int) -> Definition:
    """Return one of the agents: from each state it goes on to later ones, so that it ends, whatever it is told.

    Args:
        number: which.
    """
    chance = random.Random(number)  # noqa: S311 - the same agents in every run, which is no secret
    count = chance.randint(3, 6)
    lines = ["inputs: {thing: {type: text, default: lamp}}", "start: s1", "states:"]
    for place in range(1, count + 1):
        later = [f"s{other}" for other in range(place + 1, count + 1)] or ["end"]
        first = ("deed", "wait", "hear", "choose", "doubt")
        kind = chance.choice(first if place == 1 else (*first, "deed", "hold"))
        lines += _state(chance, kind, f"s{place}", [*later[:2], chance.choice([*later, "end"])])
    lines.append("  end: {final: true}")
    return agent_definition("\n".join(lines) + "\n", name=f"drawn-{number}")


def _state(chance: random.Random, kind: str, name: str, later: list[str]) -> list[str]:
    def onward() -> str:
        return chance.choice(later)

    seconds = chance.randint(1, 15)
    poked = f"{{event: poked, decide: POKED, to: {onward()}}}"
    match kind:
        case "deed":
            deed = chance.choice(_DEEDS)
            told = f"fails: {_yaml(chance.random() < 0.3)}, loses: {_yaml(deed == 'simulated_blind')}"
            ways = [f"{{event: {ending}, to: {onward()}}}" for ending in ("finished", "failed", "unknown")]
            # An action that is given up is heard of by nobody but the person who looks: the run waits on.
            return [f"  {name}:", f"    do: {deed}", f"    with: {{{told}}}", f"    next: [{', '.join(ways)}]"]
        case "wait":
            return [f"  {name}:", f"    next: [{{after: {seconds}s, to: {onward()}}}]"]
        case "hear":
            return [f"  {name}:", f"    next: [{poked}, {{after: {2 * seconds}s, to: {onward()}}}]"]
        case "choose":
            when = f"{{fact: simulated.colour, is: {chance.choice(('red', 'blue'))}}}"
            ways = [
                f"{{when: {when}, decide: GO, to: {onward()}, remember: [simulated.colour]}}",
                poked,
                f"{{after: {seconds}s, to: {onward()}}}",
            ]
            return [f"  {name}:", f"    next: [{', '.join(ways)}]"]
        case "doubt":
            # A time that comes and leads nowhere, as its condition may be false then: the next one leads on.
            when = f"{{fact: simulated.colour, is: {chance.choice(('red', 'blue'))}}}"
            doubtful = f"{{after: {seconds}s, when: {when}, to: {onward()}}}"
            ways = [doubtful, f"{{after: {2 * seconds}s, to: {onward()}}}"]
            return [f"  {name}:", f"    next: [{', '.join(ways)}]"]
        case _:
            # Whoever finds it held tries again later.
            ways = [f"{{event: {ending}, to: {onward()}}}" for ending in ("finished", "failed", "unknown")]
            return [
                f"  {name}:",
                f"    next: [{{to: {name}_held}}, {{after: {seconds}s, to: {name}}}]",
                f"  {name}_held:",
                "    exclusive: input.thing",
                "    do: simulated_checked",
                f"    next: [{', '.join(ways)}]",
            ]


def _yaml(value: bool) -> str:  # noqa: FBT001 - one value as YAML writes it
    return "true" if value else "false"
