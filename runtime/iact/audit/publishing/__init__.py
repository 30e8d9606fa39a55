"""Publishing checkpoints: to places from which whoever keeps the log cannot take back what it was."""
