"""Setting a parameter, and giving it back its previous value: each a new version, so that nothing is forgotten."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from iact.core.registry import Receipt
from iact.engine.context import ActionContext
from iact.pdca import store
from iact.pdca.actions import applied
from iact.pdca.model import ParameterChange
from iact.stores.units import read, write


def set_value(change: ParameterChange, context: ActionContext) -> Receipt:
    """Set a parameter, unless another run tries a value of it."""

    def change_it(connection: Connection) -> Receipt:
        newest = store.in_force(connection, context.project, change.name)
        if newest is not None and newest.key != context.key and _is_tried(connection, context, newest):
            message = f"{change.name} is being tried by run {newest.run} already; stop that experiment first."
            return Receipt(succeeded=False, message=message)
        written = store.add(
            connection,
            project=context.project,
            parameter=change.name,
            value=change.to,
            run=context.run,
            key=context.key,
            at=context.now,
        )
        return _set_receipt(written)

    return write(context.engine, change_it)


def _is_tried(connection: Connection, context: ActionContext, newest: store.Override) -> bool:
    return any(held.run == newest.run for held in store.holding(connection, context.project))


def _set_receipt(written: store.Override) -> Receipt:
    what = f"{written.parameter} set to {written.value} (version {written.version})"
    return applied(written.at, what, f"{what}.", parameter=written.parameter, version=str(written.version))


def reset(change: ParameterChange, context: ActionContext) -> Receipt:
    """Give a parameter its previous value again, unless it is no longer what this run set."""

    def change_it(connection: Connection) -> Receipt:
        newest = store.in_force(connection, context.project, change.name)
        if written := store.written_by(connection, context.project, context.key):
            return _reset_receipt(written)
        if newest is None or newest.run != context.run:
            found = f"version {newest.version} of run {newest.run}" if newest else "no version at all"
            message = f"{change.name} is no longer what this run set ({found} is in force), so it was left alone."
            return Receipt(succeeded=False, message=message)
        written = store.add(
            connection,
            project=context.project,
            parameter=change.name,
            value=newest.previous,
            run=context.run,
            key=context.key,
            at=context.now,
        )
        return _reset_receipt(written)

    return write(context.engine, change_it)


def _reset_receipt(written: store.Override) -> Receipt:
    value = "its declared value" if written.value is None else str(written.value)
    what = f"{written.parameter} is {value} again (version {written.version})"
    return Receipt(succeeded=True, detail={"what": what, "version": str(written.version)}, message=f"{what}.")


def was_set(context: ActionContext) -> Receipt | None:
    """Return the receipt of an attempt whose answer was lost, or None where it had set nothing."""
    written = _written(context)
    return _set_receipt(written) if written else None


def was_reset(context: ActionContext) -> Receipt | None:
    """Return the receipt of an attempt whose answer was lost, or None where it had reset nothing."""
    written = _written(context)
    return _reset_receipt(written) if written else None


def runs_in_force(connection: Connection, project: str) -> frozenset[str]:
    """Return the runs whose values of parameters are in force.

    Args:
        connection: an open connection.
        project: the project.
    """
    return frozenset(row["run"] for row in store.WRITERS.rows(connection, project=project))


def _written(context: ActionContext) -> store.Override | None:
    return read(context.engine, lambda connection: store.written_by(connection, context.project, context.key))
