"""Running iact in production: the tables of its store, the accounts that use them, and what is wrong around it."""
