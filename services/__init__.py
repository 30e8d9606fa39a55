"""Real database servers on this machine, for tests and for trying things out: `make services`.

This is a tool of the checkout and no part of the product. Each server is one class in one file of `services/servers`.
"""

from __future__ import annotations
