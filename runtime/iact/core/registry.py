"""How a plug-in makes itself known: one decorator on one class, no central list to edit.

Kinds of YAML resources, actions, fact sources and statistics are found by importing the modules that declare them:
`iact.<room>.model`, `.actions`, `.facts` and `.statistics` of every room, and the entry points of group
`iact.plugins` of other packages. Who does that importing is `iact.config.discovery`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, Protocol, TypeAlias, TypeVar

from iact.core.problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from iact.core.facts import Fact, FactRequest, FactType
    from iact.core.problems import Problem
    from iact.core.scope import Scope

T = TypeVar("T")


class UnknownNameError(LookupError):
    """A name that nothing is registered under."""


class Registry(Generic[T]):
    """The plug-ins of one sort, by name."""

    def __init__(self, sort: str) -> None:
        """Make an empty registry of a `sort`, such as `action`, which errors call it by."""
        self.sort = sort
        self._known: dict[str, T] = {}

    def add(self, name: str, plugin: T) -> None:
        """Register a plug-in.

        Raises:
            ValueError: if another one has that name; importing the same one again is harmless.
        """
        known = self._known.get(name)
        if known is not None and _home(known) != _home(plugin):
            message = f"two {self.sort}s are named {name}: {_home(known)} and {_home(plugin)}"
            raise ValueError(message)
        self._known[name] = plugin

    def __getitem__(self, name: str) -> T:
        """Return the plug-in of that name.

        Raises:
            UnknownNameError: if there is none; the message names the nearest.
        """
        try:
            return self._known[name]
        except KeyError:
            message = f"there is no {self.sort} named {name}. {did_you_mean(name, self._known)}".rstrip()
            raise UnknownNameError(message) from None

    def __contains__(self, name: object) -> bool:
        """Return whether something has that name."""
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        """Walk the names in alphabetical order."""
        return iter(sorted(self._known))


def _home(plugin: object) -> str:
    declared = getattr(plugin, "declared_by", plugin)
    return f"{getattr(declared, '__module__', '')}.{getattr(declared, '__qualname__', '')}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of YAML resource.

    Attributes:
        name: what `kind:` says.
        declared_by: the frozen dataclass of its `spec`; its docstring and fields give the schema and the docs page.
        folder: where such files usually stand.
    """

    name: str
    declared_by: type
    folder: str


KINDS: Registry[Kind] = Registry("kind")


InForce: TypeAlias = "Callable[[Any, Any], Iterator[str]]"
"""Given a project and one of its resources, walks what is in force instead of what the files say, a sentence each."""

IN_FORCE: Registry[InForce] = Registry("overlay")


def in_force(kind_name: str) -> Callable[[InForce], InForce]:
    """Declare a function that says what replaces, for a time, what the resources of a kind declare."""

    def declare(says: InForce) -> InForce:
        IN_FORCE.add(kind_name, says)
        return says

    return declare


def kind(name: str, *, folder: str) -> Callable[[type[T]], type[T]]:
    """Declare a frozen dataclass as the `spec` of a kind of YAML resource."""

    def declare(cls: type[T]) -> type[T]:
        KINDS.add(name, Kind(name, cls, folder))
        return cls

    return declare


EXAMPLE_RUNS: Registry[Callable[[Any, Scope], Iterator[Problem]]] = Registry("run of the examples of the kind")


def runs_examples_of(kind_name: str) -> Callable[[T], T]:
    """Declare a function as what runs the examples of a kind whose rules stand in another room than the kind."""

    def declare(run: T) -> T:
        EXAMPLE_RUNS.add(kind_name, run)  # type: ignore[arg-type]  # a decorator cannot say "this function's type"
        return run

    return declare


class FactSource(Protocol):
    """Something that can say what is so. It reads; it never changes anything."""

    provides: Mapping[str, FactType]
    """The facts it can supply, by dotted name, with their types; a name that ends in `.*` stands for all below it."""
    within_store: ClassVar[bool]
    """Whether it reads nothing but the store and the rules: then it can also be asked in a time that is only played."""
    lasting: ClassVar[Mapping[str, frozenset[str]]]
    """The facts that stay what they are from the moment on at which a run remembers another, by the name of that one,
    which is known whenever it is asked for; those that are known always, and never change within a run, below "". The
    facts of one entry are known together, or none of them is."""

    def observe(self, requests: tuple[FactRequest, ...], context: Any) -> Mapping[str, Fact]:
        """Return the facts asked for; one that cannot be had is a `Fact` with its reason, never an exception."""


NOTHING_LASTS: Final[Mapping[str, frozenset[str]]] = MappingProxyType({})
FACT_SOURCES: Registry[type[FactSource]] = Registry("fact source")


def fact_source(
    name: str, *, within_store: bool = False, lasting: Mapping[str, frozenset[str]] = NOTHING_LASTS
) -> Callable[[type[T]], type[T]]:
    """Declare a class as a source of facts whose names begin with `name` and a dot.

    Args:
        name: what they begin with.
        within_store: whether it reads nothing but the store and the rules that a run pinned.
        lasting: the facts that stay what they are once a run remembers another, by the name of that one; see
            `FactSource.lasting`.
    """

    def declare(cls: type[T]) -> type[T]:
        cls.lasting = lasting  # type: ignore[attr-defined]  # as below
        cls.within_store = within_store  # type: ignore[attr-defined]  # as below
        FACT_SOURCES.add(name, cls)  # type: ignore[arg-type]  # a class decorator cannot say "any class that fits"
        return cls

    return declare


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of an action.

    Attributes:
        succeeded: whether it did what it was to do.
        detail: what happened, as canonical JSON data without secrets; becomes facts named `receipt.…`.
        message: the same as one sentence for people.
    """

    succeeded: bool
    detail: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""


class Action(Protocol):
    """Something that changes the world outside the state machine."""

    on_unknown: ClassVar[Literal["review", "repeat"]]
    """What follows where `check` cannot tell: a person looks, or it is done again and says that it may be a repeat."""

    def perform(self, arguments: Mapping[str, Any], context: Any) -> Receipt:
        """Do it. Called again with the same `context.key` only when `check` says that it was not done.

        Raises:
            TryAgainError: if it certainly was not done now, and may be later.
            OutcomeUnknownError: if it was begun, and whether it was done cannot be told.
        """

    def check(self, arguments: Mapping[str, Any], context: Any) -> Receipt | None:
        """Return the receipt of an attempt whose answer was lost, or None when it was certainly not done.

        Raises:
            OutcomeUnknownError: if that cannot be told.
        """


class TryAgainError(Exception):
    """An action was not done, and may be later: what it needs does not answer, or asks for patience."""


class OutcomeUnknownError(Exception):
    """Whether an action was done cannot be told; a person has to look."""


ACTIONS: Registry[type[Action]] = Registry("action")


def action(name: str, *, on_unknown: Literal["review", "repeat"] = "review") -> Callable[[type[T]], type[T]]:
    """Declare a class as the action that `do: NAME` means.

    A class that has the attribute `arguments`, a frozen dataclass, has what stands below `with` checked against it.

    Args:
        name: what YAML calls it.
        on_unknown: what follows where its `check` cannot tell whether it was done: a repair waits for a person, a page
            is sent again and says that it may be a repeat, because a lost page is worse.
    """

    def declare(cls: type[T]) -> type[T]:
        cls.on_unknown = on_unknown  # type: ignore[attr-defined]  # as below
        ACTIONS.add(name, cls)  # type: ignore[arg-type]  # a class decorator cannot say "any class that fits"
        return cls

    return declare
