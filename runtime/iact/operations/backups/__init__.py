"""Backing up the store of a project, and restoring it into an empty one of any kind."""
