"""Doing something at the very moment at which a store is tried again, instead of after a while."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_LOGGER: Final = logging.getLogger("iact.stores.retrying")


class _Acts(logging.Handler):
    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act
        self.times = 0

    def emit(self, record: logging.LogRecord) -> None:
        assert "trying again" in record.getMessage()
        self.times += 1
        self._act()


@contextmanager
def when_tried_again(act: Callable[[], object]) -> Iterator[Callable[[], int]]:
    """Do something whenever somebody says that something is tried again; give how often that was."""
    handler = _Acts(act)
    level = _LOGGER.level
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.INFO)
    try:
        yield lambda: handler.times
    finally:
        _LOGGER.removeHandler(handler)
        _LOGGER.setLevel(level)
