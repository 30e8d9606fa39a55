"""A pull: everything that a server has of a repository since the last one, list after list."""

from __future__ import annotations

from collections.abc import Iterable

from iact.dora.pull.model import Pulled
from iact.dora.pull.read import Session, StrictError, read_stream
from iact.sources.rest.errors import LimitedError, RefusedError, ServerError
from iact.sources.rest.stream import Stream


def pull(session: Session, streams: Iterable[Stream]) -> Pulled:
    """Read what is new in every list, and keep it page by page.

    One list that the server does not give out keeps no other back. Where it gives out nothing more, or an item is
    rejected in a strict session, the pull ends; what was kept stays, and the next pull goes on from there.

    Args:
        session: what it works with.
        streams: the lists.
    """
    pulled = Pulled()
    for stream in streams:
        try:
            read_stream(session, stream, pulled)
        except RefusedError as error:
            pulled.refused.append(str(error))
        except (LimitedError, ServerError) as error:
            pulled.stopped = error
            break
        except StrictError:
            pulled.strict_at = stream.name
            break
    pulled.requests = session.client.requests
    return pulled
