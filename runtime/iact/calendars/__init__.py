"""When people work: calendars as people write them, and as a run pins them."""
