"""Agents written as YAML in a test, and a world that their actions change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iact.config.project import digest_of_resource
from iact.config.source_text import SourceText, decode
from iact.config.yaml_tree import documents
from iact.core.facts import Fact, FactRequest, FactType
from iact.core.problems import Problems
from iact.core.registry import OutcomeUnknownError, Receipt, TryAgainError, action, fact_source
from iact.core.tree import MappingNode
from iact.engine.context import ActionContext, FactContext
from iact.engine.definitions import Definition


def agent_definition(text: str, name: str = "test-agent") -> Definition:
    """Return the `spec` of an agent, written as YAML, as a definition that a run can pin."""
    source = decode("agents/test.yaml", text.encode())
    assert isinstance(source, SourceText)
    problems = Problems()
    (tree,) = documents(source, problems)
    assert isinstance(tree, MappingNode)
    assert list(problems) == []
    return Definition(kind="Agent", name=name, digest=digest_of_resource("Agent", name, tree), tree=tree)


class World:
    """What the actions of a test change, so that a test can count how often each was done.

    Attributes:
        done: the idempotency keys of the deeds, in order.
        facts: the facts that the test's source supplies, by name.
        lose_answers: whether whether a deed was done can no longer be told.
        patience: how often a deed is put off before it is done.
    """

    def __init__(self) -> None:
        self.done: list[str] = []
        self.facts: dict[str, Fact] = {}
        self.lose_answers = False
        self.patience = 0


@fact_source("world")
class WorldFacts:
    """The facts that a test puts into its `World`."""

    provides: Mapping[str, FactType] = {"world.*": FactType.TEXT}

    def observe(self, requests: tuple[FactRequest, ...], context: FactContext) -> Mapping[str, Fact]:
        """Return what the test has put there; the rest is missing."""
        world: World = context.services["world"]
        return {request.name: world.facts[request.name] for request in requests if request.name in world.facts}


@action("change_world")
class ChangeWorld:
    """Writes its key into the world; its own `check` sees whether it is there."""

    def perform(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt:
        """Do it, or fail where the arguments say so."""
        world: World = context.services["world"]
        if arguments.get("fail"):
            return Receipt(succeeded=False, message="the world would not change")
        if arguments.get("break"):
            raise RuntimeError("the action is broken")
        if world.patience:
            world.patience -= 1
            raise TryAgainError("the world asks for patience")
        world.done.append(context.key)
        return Receipt(succeeded=True, detail={"what": "changed"}, message="the world has changed")

    def check(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt | None:  # noqa: ARG002 - protocol
        """Return the receipt if the key is there."""
        world: World = context.services["world"]
        if world.lose_answers:
            raise OutcomeUnknownError("the world does not answer")
        return Receipt(succeeded=True, message="found changed") if context.key in world.done else None
