"""Payloads of GitLab's webhooks, one class for each event (https://docs.gitlab.com/user/project/integrations/webhook_events/)."""
