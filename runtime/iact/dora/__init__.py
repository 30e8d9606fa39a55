"""Delivery performance: what was changed, deployed and repaired, and the metrics made of it."""

from __future__ import annotations
