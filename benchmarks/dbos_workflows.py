"""The same steps as workflows of DBOS Transact on SQLite: `dbos_workflows.py FILE RUNS STEPS` prints steps a second.

Where FILE is there it keeps its journal mode: one that was made in write-ahead mode stays so. DBOS leaves `synchronous`
at SQLite's own FULL, which is printed as well.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from contextlib import closing

from dbos import DBOS, DBOSConfig


@DBOS.step()
def step(number: int) -> int:
    """Do nothing."""
    return number


@DBOS.workflow()
def flow(steps: int) -> int:
    """Make so many steps, one after the other."""
    for number in range(steps):
        step(number)
    return steps


def main() -> None:
    """Run the workflows at the same time, and say how fast."""
    file, runs, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": f"sqlite:///{file}",
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    began = time.perf_counter()
    handles = [DBOS.start_workflow(flow, steps) for _ in range(runs)]
    made = sum(handle.get_result() for handle in handles)
    seconds = time.perf_counter() - began
    DBOS.destroy()
    with closing(sqlite3.connect(file)) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        (recorded,) = connection.execute("SELECT count(*) FROM operation_outputs").fetchone()
    print(json.dumps({"rate": made / seconds, "mode": mode, "recorded": recorded}))


if __name__ == "__main__":
    main()
