"""iact: run an organisation's engineering rules, written as YAML in git.

The package is divided into rooms, one noun each; `docs/architecture.md` shows them and the directions between them.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
"""The version of the package, which the build reads from this line."""
