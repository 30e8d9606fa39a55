"""What others tell of delivery: out of files, and out of the payloads of GitHub and GitLab."""
