"""`iact`: which command is where. A command's module is imported when it runs, so that `--help` answers at once."""

from __future__ import annotations

import gc
import io
import sys
from typing import Final

import click

from iact import __version__
from iact.cli.lazy import Command, LazyGroup, report
from iact.core.errors import EnvironmentProblemError, IactError

GARBAGE_THRESHOLD: Final = 100_000
"""Objects made before Python looks for garbage: what a command imports is kept, and searching it takes a tenth of the
time until it begins."""
COMMANDS: Final = {
    "init": Command("iact.config.cli:init", "Make a project that extends the shipped rules."),
    "validate": Command("iact.config.cli:validate", "Check every rule and say everything that is wrong."),
    "schema": Command("iact.config.cli:schema", "Print the JSON Schema of a kind."),
    "config": Command("iact.serving.cli:config", "Show the rules that are in force, and where each comes from."),
    "agents": Command("iact.agents.cli:agents", "List the agents of the project, and draw them."),
    "test": Command("iact.agents.cli:test", "Run every PolicyTest: given facts, expected decisions."),
    "run": Command("iact.pdca.cli:run", "Run an agent, such as `iact run pdca --window 48h`."),
    "pdca": Command("iact.pdca.cli:pdca", "Start, stop and follow improvement experiments."),
    "serve": Command(
        "iact.serving.cli:serve", "Serve the project: advance its runs, keep its times, and carry out its schedule."
    ),
    "tick": Command(
        "iact.serving.cli:tick",
        "Do once what is due: what the schedule asks for, times that have come, actions that were decided.",
    ),
    "simulate": Command(
        "iact.serving.cli:simulate", "Play the project forward on a virtual clock, and show what would be done."
    ),
    "status": Command(
        "iact.serving.cli:status",
        "Show who serves the project, what its runs wait for, what needs a person, and what is scheduled.",
    ),
    "runs": Command("iact.serving.cli:runs", "List the runs of the project, and say what happened to each and why."),
    "approve": Command("iact.serving.cli:approve", "Let what a run proposes be done, and let it go on."),
    "reject": Command(
        "iact.serving.cli:reject", "Let what a run proposes not be done; the run hears that it failed, and goes on."
    ),
    "dora": Command("iact.dora.cli:dora", "Measure delivery, and explain every figure."),
    "ingest": Command("iact.dora.cli:ingest", "Take in deployments, incidents and changes that git does not know."),
    "pull": Command(
        "iact.dora.pull.cli:pull", "Fetch deployments, incidents and changes of the past from GitHub or GitLab."
    ),
    "doctor": Command(
        "iact.operations.cli:doctor", "Say what is wrong with the store and what it rests on, and what mends it."
    ),
    "backup": Command("iact.operations.backups.cli:backup", "Write everything that the store holds into one file."),
    "restore": Command("iact.operations.backups.cli:restore", "Fill an empty store out of a backup."),
    "db": Command("iact.operations.cli:db", "Look after the tables of the store, and the accounts that use them."),
    "audit": Command("iact.retention.cli:audit", "Prove to anybody what was decided and done, and check such a proof."),
    "prune": Command(
        "iact.retention.cli:prune", "Delete the records that every RetentionPolicy has kept for long enough."
    ),
}
"""Every command: where its body is, and its one sentence (held equal to the body's own by a test)."""


@click.group(cls=LazyGroup, commands_by_name=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="iact")
def iact() -> None:
    """Run an organisation's engineering rules, written as YAML in git.

    Exit codes: 0 all well, 1 a finding, 2 usage or configuration, 3 the environment.
    """


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show `−` gets its code: a traceback would say nothing, and `?86 %` another figure.
            stream.reconfigure(errors="backslashreplace")
    try:
        # `standalone_mode` stays on: click knows how to end on a usage error (2), an interrupt and a closed pipe.
        iact.main(prog_name="iact")
    except IactError as error:
        report(error)
        sys.exit(error.exit_code)
    except Exception as error:
        refusal = _refusal_of_the_store(error)
        if refusal is None:
            raise
        report(refusal)
        sys.exit(refusal.exit_code)


def _refusal_of_the_store(error: Exception) -> IactError | None:
    """Return what a database's own error means to a person; None for an error that is none of a database's."""
    failures = sys.modules.get("sqlalchemy.exc")
    if failures is None or not isinstance(error, failures.DBAPIError):
        return None
    return EnvironmentProblemError(
        f"the store refused: {error.orig}. Nothing of this step was written. `iact doctor` says what is wrong and what "
        "mends it; then run the command again: it goes on from the last step that was."
    )
