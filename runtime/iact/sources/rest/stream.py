"""What a server is asked for: lists, the newest first, whose items become the payloads that webhooks would have sent.

So one parser (`iact.sources.events`) reads what is pulled, what is ingested from a file, and what a webhook brings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from iact.sources.events.fields import EventError, Fields
from iact.sources.events.model import Event
from iact.sources.events.rules import EventRules
from iact.sources.rest.client import Client, Server

PAGE: Final = 100
"""How many items a page holds: the most that both servers give."""
CREATED: Final = "created_at"
UPDATED: Final = "updated_at"
LATE: Final = timedelta(minutes=5)
"""How much of a list that is sorted by `updated_at` is read again: an item may show up after its neighbours."""
LATER_CHANGES: Final = timedelta(days=7)
"""How much of a list that is sorted by `created_at` is read again, for what became of its items since."""

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A repository at a server.

    Attributes:
        path: where its resources are, such as `/repos/shop/web`.
        name: what it is called now, such as `shop/web`.
        key: what names it for good, such as `api.github.com/77`: a repository that is renamed keeps it.
    """

    path: str
    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """For which things it is worth a request of their own to learn more.

    Attributes:
        rules: which environments and pipelines count.
        environment: the name of the project's own environment.
    """

    rules: EventRules
    environment: str

    def deployment(self, environment: Any) -> bool:
        """Return whether deployments to what an item calls its environment count."""
        return isinstance(environment, str) and self.rules.is_deployed_to(environment, self.environment)

    def pipeline(self, name: Any) -> bool:
        """Return whether successful runs of what an item calls its pipeline are deployments."""
        return isinstance(name, str) and self.rules.is_deploying(name)

    @property
    def environments(self) -> str:
        """What says which environments count, as one text."""
        return " ".join(self.rules.environments or (self.environment,))

    @property
    def pipelines(self) -> str:
        """What says which pipelines count, as one text."""
        return " ".join(self.rules.pipelines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One list of a repository.

    Attributes:
        name: what people call it, such as `deployments`; with the repository it names how far it has been read.
        kind: what its items tell of.
        source: who tells.
        sorted_by: the moment by which the newest item comes first, `created_at` or `updated_at`.
        same_address: whether its first page has the same address at every pull, so that an ETag may say: unchanged.
        remote: the repository.
        wanted: for which items more is asked.
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    source: ClassVar[str]
    sorted_by: ClassVar[str] = UPDATED
    same_address: ClassVar[bool] = False

    remote: Remote
    wanted: Wanted

    @property
    def overlap(self) -> timedelta:
        """How far before the newest item that is known the next pull reads."""
        return LATE if self.sorted_by == UPDATED else LATER_CHANGES

    @property
    def choice(self) -> str:
        """What says about which items more is asked, as one text: where it changes, the list is read again."""
        return ""

    def first_page(self, since: datetime | None, *, again: bool) -> str:
        """Return the address of the first page.

        Args:
            since: from when on items are of interest; None: all of them.
            again: whether the list has been read to its end before.
        """
        raise NotImplementedError

    def items(self, body: Any) -> list[Item]:
        """Return the items of a page.

        Raises:
            EventError: if it holds no list of objects.
        """
        if not isinstance(body, list) or not all(isinstance(item, dict) for item in body):
            message = f"expected a list of {self.name}, found something else."
            raise EventError(message)
        return body

    def moment(self, item: Item) -> datetime | None:
        """Return the moment by which the list is sorted; None where the item lacks it."""
        return moment_of(item, self.sorted_by)

    def id(self, item: Item) -> str:
        """Return what the source calls the thing that an item is about."""
        return str(item.get("id"))

    def more(self, item: Item, told: Sequence[Event]) -> str | None:
        """Return the address of what else has to be asked about an item; None where nothing has.

        Args:
            item: the item.
            told: what is known of the thing already.
        """
        del item, told
        return None

    def more_items(self, body: Any) -> list[Item]:
        """Return the items of a page of what else was asked."""
        return self.items(body)

    def is_open(self, item: Item, more: Sequence[Item], told: Sequence[Event]) -> bool:
        """Return whether more will come of the item, perhaps without the list saying so.

        Args:
            item: the item.
            more: what else was asked about it.
            told: what was known of the thing before.
        """
        del item, more, told
        return False

    def payloads(self, item: Item, more: Sequence[Item], told: Sequence[Event]) -> Iterator[Item]:
        """Yield what webhooks would have sent about an item.

        Args:
            item: the item.
            more: what else was asked about it.
            told: what is known of the thing already.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """A sort of server that repositories are at.

    Attributes:
        name: what people call it.
        key: the key of its settings in `sources`.
        url: where the API of the public one begins.
        token: the environment variable that its users keep a token in.
        server: makes how it is asked, of the address, the token if any, and what the token is called.
        find: asks for a repository, of a client, the host and the repository's full name.
        streams: makes everything that is asked for.
    """

    name: str
    key: str
    url: str
    token: str
    server: Callable[[str, str | None, str], Server]
    find: Callable[[Client, str, str], Remote]
    streams: Callable[[Remote, Wanted], tuple[Stream, ...]]


def address(path: str, **parameters: str | int | None) -> str:
    """Return a path with its query; parameters that are None are left out."""
    query = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(query)}" if query else path


def moment_of(item: Item, name: str) -> datetime | None:
    """Return a moment of an item; None where it has none that can be read."""
    try:
        return Fields(item).moment(name)
    except EventError:
        return None


def part_of(item: Item, name: str) -> Item:
    """Return an object in an item, an empty one where there is none."""
    found = item.get(name)
    return found if isinstance(found, dict) else {}


def seconds(moment: datetime | None) -> str | None:
    """Return a moment as both servers take it in a query: to the second, in UTC."""
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
