"""The command tree, and nothing else: what a command does stands in its room's `cli` module."""
