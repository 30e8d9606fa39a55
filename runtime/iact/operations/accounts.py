"""The accounts of a store on a server, and what they may do."""

from __future__ import annotations

from collections.abc import Sequence

from iact.core.errors import ConfigurationError
from iact.operations.places import Place, account_of
from iact.stores.grants import APPLICATION, OWNER, READER, Account, script


def script_for(place: Place, roles: Sequence[str], names: tuple[str | None, str | None, str | None], host: str) -> str:
    """Return the SQL that gives each account what it needs.

    Args:
        place: the store.
        roles: whose; none means all.
        names: what owner, application and reader are called; None makes the name out of the address.
        host: from where they may connect.

    Raises:
        ConfigurationError: if the store is a file, or the address names no account.
    """
    if place.access is None:
        message = (
            f"{place.shown_as} is a file, which has no accounts. Name a server: --store mysql://user@host/database."
        )
        raise ConfigurationError(message)
    user, database = account_of(place.access)
    owner, application, reader = names
    application = application or user
    if not application:
        message = f"the address {place.shown_as} names no account. Write mysql://user@host/database, or --application."
        raise ConfigurationError(message)
    accounts = [
        Account(OWNER, owner or f"{application}_owner", host),
        Account(APPLICATION, application, host),
        Account(READER, reader or f"{application}_reader", host),
    ]
    return script([account for account in accounts if not roles or account.role in roles], database)
