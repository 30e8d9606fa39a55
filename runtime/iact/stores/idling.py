"""How long a transaction may stand still before its server takes it back and gives its locks to others.

A process that is frozen between two statements (SIGSTOP, a virtual machine that is moved, a network that hides it)
sends nothing, and its connection stays: to the server it is a client that thinks. What it has locked then stays locked
for hours. Whoever holds rows that others wait for therefore says how long it may think (ADR 0059):

- MariaDB ends a connection that is idle in a transaction that has written, `idle_write_transaction_timeout`
  (https://mariadb.com/kb/en/transaction-timeouts/);
- MySQL knows no such thing, but ends a connection that is idle at all, in a transaction or not, `wait_timeout`
  (https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html#sysvar_wait_timeout). A connection that waits in
  the pool for as long is then made anew, which each one is tested for before its use.

Both are settings of a session, in whole seconds, and need no privilege. They are not for all that iact does: reading a
long git history takes minutes between two rows.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from iact.stores.columns import is_servers

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

_OPTION: Final = "iact_idle"


def limited(engine: Engine, most: timedelta) -> Engine:
    """Return the same store for transactions that wait for nothing but the store, and are taken back if they do.

    Args:
        engine: the store; in an embedded one nothing changes, since only its process itself can let go of it.
        most: how long such a transaction may be idle; a server counts whole seconds, and one at least.
    """
    if not is_servers(engine.dialect):
        return engine
    return engine.execution_options(**{_OPTION: max(1, math.floor(most.total_seconds()))})


def unlimited(engine: Engine) -> Engine:
    """Return the same store for transactions that may wait for something else, as long as its server lets them."""
    if not is_servers(engine.dialect):
        return engine
    return engine.execution_options(**{_OPTION: None})


def say(connection: Connection) -> None:
    """Tell the server how long the transaction that begins may be idle, unless its session knows.

    Args:
        connection: to a server, at the beginning of a transaction.
    """
    wanted = connection.get_execution_options().get(_OPTION)
    if connection.info.get(_OPTION) == wanted:
        return
    name = "idle_write_transaction_timeout" if getattr(connection.dialect, "is_mariadb", False) else "wait_timeout"
    connection.exec_driver_sql(f"SET SESSION {name} = {'DEFAULT' if wanted is None else wanted}")
    connection.info[_OPTION] = wanted
