"""`iact audit`: the journal as proof, for whoever has to check it and for whoever hands it out."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group()
def audit() -> None:
    """Prove to anybody what was decided and done, and check such a proof."""


@audit.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    metavar="KEY",
    help="A public key of the log that you have from elsewhere: name+id+key, or a file with such lines.",
)
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A checkpoint that you kept earlier: the log has to go on from it.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def verify(bundle: Path, keys: tuple[str, ...], checkpoints: tuple[Path, ...], form: str) -> None:
    """Say whether a bundle holds, or which entry is the first bad one and what is wrong with it.

    Every entry's stored bytes are hashed again and have to lead to the signed checkpoint; every run has to go on
    without a gap, and every step has to be one that the definition allows which the run pinned. Needs no project and no
    store. Exit codes: 0 it holds, 1 it does not, 2 it cannot be judged.
    """
    from iact.audit.bundles import AuditFindingError, BundleError
    from iact.audit.verifier import judge
    from iact.core.errors import ConfigurationError

    try:
        verdict = judge(bundle, keys, checkpoints)
    except AuditFindingError as error:
        said = {"holds": False, "finding": str(error)}
        click.echo(json.dumps(said, ensure_ascii=False) if form == "json" else f"does not hold: {error}")
        raise click.exceptions.Exit(1) from None
    except BundleError as error:
        message = f"cannot be judged: {error}"
        raise ConfigurationError(message) from None
    click.echo(json.dumps(verdict.to_record(), ensure_ascii=False) if form == "json" else str(verdict))


@audit.command()
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it there, not to standard output.")
def verifier(out: Path | None) -> None:
    """Print `iact_verify.py`: one file by which an auditor checks bundles with Python and nothing else.

    It is put together from the modules that `iact audit verify` itself uses. An auditor makes it from an iact of
    theirs, and does not take it from whoever is audited.
    """
    from iact.audit.assembling import assembled
    from iact.core.errors import EnvironmentProblemError

    text = assembled()
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{out} cannot be written: {error.strerror}. Name another file."
        raise EnvironmentProblemError(message) from error
