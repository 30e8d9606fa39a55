"""`iact pull`: what GitHub and GitLab know of the past, as events in the store."""

from __future__ import annotations
