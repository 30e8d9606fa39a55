"""Backups: everything that a store holds, in one file that any kind of store can be restored from."""
