"""The durable runtime: runs, timers, the journal, actions with receipts. Rooms use it; it knows none of them."""
