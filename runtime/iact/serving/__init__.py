"""Serving a project: what its schedule says, carried out by as many processes as there are, and where things stand."""
