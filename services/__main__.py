"""`python -m services up|down|status`: what `make services` and `make services-down` run."""

from __future__ import annotations

import argparse
import sys

from services.checkout import instance, orphans
from services.errors import ServiceError
from services.instance import Instance
from services.service import SERVICES


def main() -> int:
    """Do what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="services", description="Real servers for tests, on this machine only.")
    parser.add_argument("do", choices=("up", "down", "status"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which servers: {', '.join(SERVICES)}; all of them")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in SERVICES]
    if unknown:
        parser.error(f"there is no server {unknown[0]!r}; there are {', '.join(SERVICES)}")
    do = {"up": up, "down": down, "status": status}[arguments.do]
    try:
        return do([instance(name) for name in arguments.names or SERVICES])
    except ServiceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3


def up(instances: list[Instance]) -> int:
    """Start servers and say how to connect."""
    for server in instances:
        if server.running() is None:
            print(f"Starting {server.service.name}; the first time this downloads it.", file=sys.stderr)
        server.start()
    return status(instances)


def down(instances: list[Instance]) -> int:
    """Stop what was started here, and nothing else."""
    for server in [*instances, *orphans()]:
        print(f"{server.folder.name}: {'stopped' if server.stop() else 'did not run'}")
    return 0


def status(instances: list[Instance]) -> int:
    """Say how to connect to the servers that run."""
    for server in instances:
        if server.running() is None:
            print(f"{server.service.name}: does not run")
        else:
            print(f"{server.service.name}: {server.url}")
            print(f"    {server.service.client(server.port)}")
            print(f"    log: {server.log}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
