"""The tables of verdicts in docs/pdca.md are those that their benchmark makes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.bench_verdicts import (
    BEGIN_MARK,
    COMMAND,
    END_MARK,
    HISTORIES,
    PAGE,
    SEED,
    SHUFFLED,
    Changed,
    Past,
    Unchanged,
    changed,
    drawn,
    past,
    unchanged,
    wilson,
    write,
)
from iact.pdca.verdict import Verdict

TABLES = PAGE.read_text(encoding="utf-8").partition(BEGIN_MARK)[2].partition(END_MARK)[0]
SHARE = re.compile(r"([\d.]+) % \[([\d.]+) %, ([\d.]+) %\]")
KEPT, WORSE, UNCLEAR = (Verdict.KEEP, 8.0), (Verdict.REVERT, 8.0), (Verdict.INCONCLUSIVE, 24.0)


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Past]:
    return {name: past(name, tmp_path_factory.mktemp("histories")) for name in HISTORIES}


def cells() -> list[list[str]]:
    """Return the lines of both tables without their heads."""
    lines = [line for line in TABLES.splitlines() if line.startswith("| ")]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [line for line in found if line[1] != "experiments"]


def test_the_tables_name_the_command_and_the_seed_that_made_them():
    assert f"`{COMMAND}`, seed {SEED:,}" in TABLES


def test_the_tables_have_a_line_for_each_experiment(histories: dict[str, Past]):
    expected = [row for found in (unchanged(histories), changed(histories)) for _, row in found]

    assert [line[:2] for line in cells()] == [[row.what, f"{row.count:,}"] for row in expected]


def test_a_line_that_is_soon_made_anew_is_the_one_of_the_page(histories: dict[str, Past]):
    """The others take minutes; what would change them changes this one too."""
    experiment, row = next(found for found in changed(histories) if found[1].what.startswith("−30 %"))

    assert str(replace(row, judged=drawn(row.count, experiment))) in TABLES.splitlines()


def test_every_share_has_its_own_interval():
    for line in cells():
        total = int(line[1].replace(",", ""))
        for share, low, high in SHARE.findall("|".join(line)):
            # The share is rounded, so the number that it came from is known to within one or two.
            expected = [end * 100 for end in wilson(round(float(share) / 100 * total), total)]
            assert [float(low), float(high)] == pytest.approx(expected, abs=0.15)


@pytest.mark.parametrize("false", [KEPT, WORSE])
def test_a_bar_is_missed_where_the_interval_of_either_false_verdict_reaches_above_it(false: tuple[Verdict, float]):
    few, many = (false,) * 80 + (UNCLEAR,) * 1920, (false,) * 110 + (UNCLEAR,) * 1890

    assert Unchanged("nothing", few).holds
    assert not Unchanged("nothing", many).holds
    assert len(few) == SHUFFLED


def test_only_the_right_verdict_finds_a_change():
    assert Changed("faster", 0.8, (KEPT,) * 8 + (UNCLEAR,) * 2).holds
    assert not Changed("faster", 0.8, (WORSE,) * 8 + (UNCLEAR,) * 2).holds
    assert Changed("slower", 0.8, (WORSE,) * 8 + (UNCLEAR,) * 2, right=Verdict.REVERT).holds


def test_the_tables_are_written_between_their_marks_and_nowhere_else(tmp_path: Path):
    page, without = tmp_path / "page.md", tmp_path / "without.md"
    page.write_text(f"above\n{BEGIN_MARK}\nold\n{END_MARK}\nbelow\n", encoding="utf-8")
    without.write_text("no marks\n", encoding="utf-8")

    write("new", page)

    assert page.read_text(encoding="utf-8") == f"above\n{BEGIN_MARK}\nnew\n{END_MARK}\nbelow\n"
    with pytest.raises(SystemExit, match="has no"):
        write("new", without)
    assert without.read_text(encoding="utf-8") == "no marks\n"
