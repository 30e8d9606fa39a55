"""What an author of agents works with."""
