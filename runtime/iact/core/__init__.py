"""Pure rules and data that every room shares: no input, no output, no clock, no chance."""
