"""Plan, do, check, act: trying one improvement at a time, and keeping it only where the figures bear it out."""
