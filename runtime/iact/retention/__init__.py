"""How long records are kept, and deleting those whose time is over."""
