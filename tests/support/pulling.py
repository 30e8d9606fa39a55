"""Pulling from a server of `rest_server` into a store, by a clock that the test holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Engine

from iact.dora.pull.model import Pulled
from iact.dora.pull.read import Session
from iact.dora.pull.run import pull
from iact.dora.records import Place
from iact.dora.tables import EVENTS, PULLS
from iact.dora.told import deployments_told, incidents_told, pipelines_told
from iact.sources.events.model import Event, read_content
from iact.sources.events.rules import EventRules
from iact.sources.rest.client import Client
from iact.sources.rest.github import GITHUB
from iact.sources.rest.gitlab import GITLAB
from iact.sources.rest.stream import Wanted
from iact.stores.connect import reading
from tests.support.github_server import GitHubServer
from tests.support.rest_server import RestServer

PLACE = Place(project="product", repository="git-0123456789ab")
RULES = EventRules(pipelines=("Deploy*",))


@dataclass(kw_only=True)
class Puller:
    """What a test pulls with.

    Attributes:
        engine: the store.
        server: the server.
        rules: what counts.
        token: what is sent; None: the server's own.
        told: what a person was told.
    """

    engine: Engine
    server: RestServer
    rules: EventRules = RULES
    token: str | None = None
    name: str = "shop/web"
    told: list[str] = field(default_factory=list)

    def client(self, wait: timedelta = timedelta()) -> Client:
        """Return who asks the server."""
        token = self.token or self.server.token
        hosting = self._hosting()
        return Client(hosting.server(self.server.url, token, "env:TOKEN"), self.server.clock, wait, self.told.append)

    def __call__(
        self, *, since: datetime | None = None, wait: timedelta = timedelta(), strict: bool = False, kinds: str = ""
    ) -> Pulled:
        """Pull once."""
        client = self.client(wait)
        try:
            remote = self._hosting().find(client, client.host, self.name)
            streams = self._hosting().streams(remote, Wanted(rules=self.rules, environment="production"))
            session = Session(
                engine=self.engine,
                place=PLACE,
                client=client,
                since=since,
                now=self.server.clock.now(),
                strict=strict,
                progress=lambda *_: None,
            )
            return pull(session, [one for one in streams if not kinds or one.kind in kinds])
        finally:
            client.close()

    def _hosting(self) -> Any:
        return GITHUB if isinstance(self.server, GitHubServer) else GITLAB

    def events(self, kind: str) -> list[Any]:
        """Return the events of a kind that the store holds, the earliest first."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(EVENTS.c.content).where(EVENTS.c.kind == kind)).all()
        found: list[Event] = [read_content(kind, row.content) for row in rows]
        return sorted(found, key=lambda one: (one.at, one.id, one.digest))

    def deployments(self) -> list[tuple[str, datetime, str | None]]:
        """Return the deployments that went out: id, moment and commit."""
        return [(one.id, one.deployed_at, one.sha) for one in deployments_told(self.events("deployment"))]

    def pipelines(self) -> list[tuple[str, datetime]]:
        """Return the successful runs of which it is known when they ended."""
        return [(one.id, one.deployed_at) for one in pipelines_told(self.events("pipeline"), "production")]

    def incidents(self) -> list[tuple[str, datetime, datetime | None]]:
        """Return the incidents: id, beginning and end."""
        return [(one.id, one.opened_at, one.resolved_at) for one in incidents_told(self.events("incident"))]

    def rows(self) -> tuple[list[Any], list[Any]]:
        """Return every row that a pull may write."""
        with reading(self.engine) as connection:
            events = sorted(tuple(row) for row in connection.execute(select(EVENTS)))
            return events, sorted(tuple(row) for row in connection.execute(select(PULLS)))
