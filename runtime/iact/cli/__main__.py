"""`python -m iact.cli` is `iact`."""

from __future__ import annotations

from iact.cli.main import main

main()
