"""The commands about agents: `agents list` and `agents graph`."""

from __future__ import annotations

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
    type=click.Choice(["mermaid", "svg", "dot"]),
    default="mermaid",
    show_default=True,
    help="The language of Mermaid or of Graphviz, or a picture.",
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
        click.echo(diagram.dot(drawn) if form == "dot" else diagram.mermaid(drawn), nl=False)
