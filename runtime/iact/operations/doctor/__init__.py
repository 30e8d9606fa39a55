"""What is wrong with a store and with what it rests on, why it matters, and what mends it."""
