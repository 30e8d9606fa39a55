"""Delivery cycles as agents record them: a file beside their work, and the table `dora_metrics`."""
