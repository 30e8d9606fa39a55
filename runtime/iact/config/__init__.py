"""From YAML to one frozen, digested `Project`: read, checked against schemas, built, and checked for meaning.

`iact.config.loading.load_project` does it all; everything that is wrong is told at once, each thing where it stands.
"""
