"""What sources add to the kinds of YAML resources: they run the examples of a `Project`, by their own rules."""

from __future__ import annotations

from collections.abc import Iterator

from iact.config.model import GitSource, ProjectSettings
from iact.core.problems import Problem
from iact.core.registry import runs_examples_of
from iact.core.scope import Scope
from iact.sources.git.rules import GitRules
from iact.sources.git.versions import Version


@runs_examples_of("Project")
def run_project_examples(
    project: ProjectSettings,
    scope: Scope,  # noqa: ARG001 - every example run is handed the scope
) -> Iterator[Problem]:
    """Yield the examples of tags that come out otherwise than they say."""
    git = project.sources.git
    for example in project.examples:
        came_to = "deployment" if _is_deployment(example.tag, git) else "left out"
        if came_to != example.expect:
            message = f"`{example.tag}`: the example expects `{example.expect}`, and the rules say `{came_to}`."
            hint = _reason(example.tag, git)
            yield Problem(rule="failed-example", position=example.position, message=message, hint=hint)


def _is_deployment(tag: str, git: GitSource) -> bool:
    rules = GitRules(tags=git.tags, pre_releases=git.pre_releases)
    return git.merges_to is None and rules.names_deployment(tag, Version.parse(tag))


def _reason(tag: str, git: GitSource) -> str:
    version = Version.parse(tag)
    if git.merges_to is not None:
        return f"Every merge to `{git.merges_to}` is a deployment; no tag is."
    if version is not None and version.is_pre_release and not git.pre_releases:
        return "It is a pre-release, which `pre_releases: true` would let in."
    if git.tags:
        return f"`tags` is {', '.join(git.tags)}."
    return f"Every tag that looks like a version is one; this does{'' if version else ' not'}."
