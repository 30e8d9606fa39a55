"""The REST APIs of GitHub and GitLab: what webhooks would have told, asked for afterwards."""

from __future__ import annotations
