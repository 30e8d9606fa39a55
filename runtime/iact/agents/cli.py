"""The commands about agents: `agents list`, `agents graph`, and `test`."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def agents() -> None:
    """List the agents of the project, and draw them."""


@agents.command(name="list")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_agents(form: str) -> None:
    """List every agent with what it is for and where it stands."""
    from iact.agents import listing
    from iact.config.opening import open_project

    project = open_project()
    click.echo(listing.as_json(project) if form == "json" else listing.as_text(project), nl=False)


@agents.command()
@click.argument("name")
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "svg", "dot", "json"]),
    default="mermaid",
    show_default=True,
    help="The language of Mermaid or of Graphviz, a picture, or data.",
)
def graph(name: str, form: str) -> None:
    """Draw the states of an agent and the ways between them.

    Mermaid is what GitHub and GitLab draw in a document. The picture is SVG and needs no other program: `iact agents
    graph pdca --format svg > pdca.svg`. Pointing at an arrow shows its conditions.
    """
    from iact.agents import diagram
    from iact.config.opening import open_project

    drawn = diagram.diagram_of(name, open_project().get("Agent", name).spec)
    if form == "svg":
        from iact.agents.picture import picture

        click.echo(picture(drawn), nl=False)
    else:
        written = {"dot": diagram.dot, "json": diagram.as_json, "mermaid": diagram.mermaid}[form]
        click.echo(written(drawn), nl=False)


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json", "junit"]), default="text", show_default=True)
@click.option("--untaken", is_flag=True, help="List every way out that no test takes, not only the first few.")
def test(paths: tuple[Path, ...], form: str, *, untaken: bool) -> None:
    """Run every PolicyTest: given facts, expected decisions.

    Without PATHS, those of the project are run; with PATHS, those in these files and folders, also where the project
    does not look for rules. Nothing is read but rules, and nothing is done. How many of the ways out of each agent the
    tests take is shown at the end. Exit codes: 0 all passed, 1 a case came out otherwise, 2 a rule is wrong or there is
    no test.
    """
    from iact.agents import results
    from iact.agents.selection import chosen
    from iact.agents.testing import told

    project, tests = chosen(Path.cwd(), paths)
    found = told(project, tests)
    if form == "text":
        click.echo(results.as_text(found, all_ways=untaken), nl=False)
    else:
        click.echo(results.as_json(found) if form == "json" else results.as_junit(found), nl=False)
    if found.failed:
        raise SystemExit(1)
