"""What those who write agents work with: agents listed and drawn."""
