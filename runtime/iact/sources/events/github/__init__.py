"""Payloads of GitHub's webhooks, one class for each event (https://docs.github.com/en/webhooks)."""
