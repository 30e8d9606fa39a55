"""The rules that a process serves by: those of the files, or of the commit that was activated for all.

They are read again when they were changed. Rules with mistakes change nothing: those before stay in force. Nor do, in
production, rules that are in no commit.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from iact.config.changes import changes, stamp
from iact.config.opening import open_project
from iact.core.errors import IactError
from iact.serving.activations import now_in_force, project_at
from iact.serving.production import UnrecordedError, check_recorded, head

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
        self._serves = _store_of(project)
        self.commit = ""
        self.mistakes = ""
        self._runtime = runtime
        self._waits_for_a_commit = False
        self._seen: object = ("", stamp(project), None)

    def look(self) -> bool:
        """Look whether other rules are in force; return whether there are.

        What was changed is logged, and so is what is wrong with rules that cannot be followed, once each.
        """
        activation = now_in_force(self._runtime)
        commit = activation.commit if activation else ""
        files = None if commit else stamp(self.project)
        seen = (commit, files, self._awaited())
        if seen == self._seen:
            return False
        try:
            found = project_at(self.project.root, commit) if commit else self._of_the_files()
        except IactError as error:
            before, self.mistakes = self.mistakes, str(error)
            if self.mistakes != before:
                _LOGGER.error("these rules cannot be followed, those before stay in force:\n%s", error)  # noqa: TRY400 - its traceback says nothing more
            self._waits_for_a_commit = isinstance(error, UnrecordedError)
            if not commit:
                # Files with mistakes are not read again before they are changed again; a commit may still be fetched.
                self._seen = (commit, files, self._awaited())
            return False
        had_mistakes = bool(self.mistakes)
        self._seen, self.mistakes, self._waits_for_a_commit = (commit, files, None), "", False
        is_changed = self._follow(found, commit)
        if had_mistakes and not is_changed:
            _LOGGER.info("the rules can be followed again, and are those in force")
        return is_changed

    def _awaited(self) -> str | None:
        """Return at which commit the checkout is where that counts: recording what files say changes none of them."""
        return head(self.project.root) if self._waits_for_a_commit else None

    def _of_the_files(self) -> Project:
        found = open_project(self.project.root)
        check_recorded(found)
        return found

    def _follow(self, found: Project, commit: str) -> bool:
        changed = changes(self.project, found)
        before, self.project, self.digest, self.commit = self.project, found, found.digest, commit
        if not changed:
            return False
        _LOGGER.info("rules of %s: %s", f"commit {commit[:12]}" if commit else "the files", "; ".join(changed))
        if _store_of(found) not in {self._serves, _store_of(before)}:
            _LOGGER.warning("another name or store of the project counts once this process is started anew")
        return True


def _store_of(project: Project) -> tuple[str, ...]:
    """Return by what the runs of a project are found."""
    store = project.settings.store
    return project.name, str(store.sqlite), str(store.url)
