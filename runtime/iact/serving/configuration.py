"""The rules that a process serves by: those of the files, or of the commit that was activated for all.

They are read again when they were changed. Rules with mistakes change nothing: those before stay in force.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from iact.config.changes import changes, stamp
from iact.config.opening import open_project
from iact.core.errors import IactError
from iact.serving.activations import now_in_force, project_at

if TYPE_CHECKING:
    from iact.config.project import Project
    from iact.engine.runtime import Runtime

_LOGGER: Final = logging.getLogger(__name__)


class Configuration:
    """What a process follows at present."""

    def __init__(self, project: Project, runtime: Runtime) -> None:
        """Begin with the files of a project; `look` finds what was activated.

        Args:
            project: as its files say.
            runtime: of the project.
        """
        self.project, self.digest = project, project.digest
        self.commit = ""
        self.mistakes = ""
        self._runtime = runtime
        self._seen: object = ("", stamp(project))

    def look(self) -> bool:
        """Look whether other rules are in force; return whether there are.

        What was changed is logged, and so is what is wrong with rules that cannot be followed, once each.
        """
        activation = now_in_force(self._runtime)
        commit = activation.commit if activation else ""
        seen: object = (commit, None if commit else stamp(self.project))
        if seen == self._seen:
            return False
        try:
            found = project_at(self.project.root, commit) if commit else open_project(self.project.root)
        except IactError as error:
            before, self.mistakes = self.mistakes, str(error)
            if self.mistakes != before:
                _LOGGER.error("these rules cannot be followed, those before stay in force:\n%s", error)  # noqa: TRY400 - its traceback says nothing more
            if not commit:
                # Files with mistakes are not read again before they are changed again; a commit may still be fetched.
                self._seen = seen
            return False
        self._seen, self.mistakes = seen, ""
        return self._follow(found, commit)

    def _follow(self, found: Project, commit: str) -> bool:
        changed = changes(self.project, found)
        before, self.project, self.digest, self.commit = self.project, found, found.digest, commit
        if not changed:
            return False
        _LOGGER.info("rules of %s: %s", f"commit {commit[:12]}" if commit else "the files", "; ".join(changed))
        if (before.name, before.settings.store) != (found.name, found.settings.store):
            _LOGGER.warning("another name or store of the project counts once this process is started anew")
        return True
