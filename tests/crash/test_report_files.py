"""Writing a report is killed at every write: nobody ever finds half of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from iact.pdca.files import to_json, write_reports
from tests.support.kills import WRITES, in_a_child
from tests.support.report_document import document


def write(folder: Path, report: Mapping[str, Any]) -> None:
    """Write a report, whatever its files are called."""
    write_reports(folder, report)


def test_killed_at_any_write_a_report_is_the_old_one_or_the_new_one_and_is_whole_after_another_run(tmp_path: Path):
    old, new = document(), document()
    new["lines"] = ["another first line", *new["lines"]]
    with WRITES.counted() as writes:
        html, data = write_reports(tmp_path / "counted", new)
    whole_page = html.read_text(encoding="utf-8")
    assert len(writes) >= 4

    for number in range(1, len(writes) + 1):
        folder = tmp_path / f"killed-{number}"
        write_reports(folder, old)
        old_page = (folder / html.name).read_text(encoding="utf-8")
        killed = not in_a_child(partial(write, folder, new), killed_at=number)

        assert killed or number == len(writes)  # the folder was made already, so there is one write fewer
        assert json.loads((folder / data.name).read_text(encoding="utf-8")) in (old, new)
        assert (folder / html.name).read_text(encoding="utf-8") in (old_page, whole_page)

        write_reports(folder, new)
        assert (folder / data.name).read_text(encoding="utf-8") == to_json(new)
        assert (folder / html.name).read_text(encoding="utf-8") == whole_page
