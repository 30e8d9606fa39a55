"""Git histories as delivery facts: changes, releases and reverts, streamed."""

from __future__ import annotations
