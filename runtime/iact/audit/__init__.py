"""The journal as proof: what lets anybody check, without trusting whoever keeps it, that nothing in it was changed."""
