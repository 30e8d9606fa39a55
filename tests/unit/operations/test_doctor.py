"""What the doctor makes of what it is told: limits, versions, disks and file systems."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from iact.operations.doctor.connection import certificate, clocks, version
from iact.operations.doctor.findings import ADVICE, BROKEN, OK, WRONG, Finding, exit_code, lines
from iact.operations.doctor.machine import file_system, free_space, git_version
from iact.operations.doctor.settings import Settings, findings, needed_packet

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WELL = {
    "global.sql_mode": "STRICT_TRANS_TABLES",
    "session.sql_mode": "STRICT_ALL_TABLES",
    "global.time_zone": "SYSTEM",
    "session.time_zone": "+00:00",
    "session.transaction_isolation": "READ-COMMITTED",
    "global.log_bin": 1,
    "global.binlog_format": "ROW",
    "global.sync_binlog": 1,
    "global.innodb_flush_log_at_trx_commit": 1,
    "global.max_allowed_packet": 64 << 20,
    "session.wait_timeout": 28800,
    "global.read_only": 0,
    "session.character_set_client": "utf8mb4",
}


def of(level: str) -> Finding:
    """Return a finding of a level."""
    return Finding(
        check="disk", level=level, where="/srv", found="10 MiB are free.", why="it is full soon.", mend=("df",)
    )


def levels(**values: object) -> dict[str, str]:
    """Return the level of each check of a server that is well but for some values."""
    changed = {name.replace("__", "."): value for name, value in values.items()}
    return {one.check: one.level for one in findings(Settings({**WELL, **changed}, is_mariadb=False, where="here"))}


def test_the_worst_finding_decides_how_the_command_ends():
    assert exit_code([]) == exit_code([of(OK), of(ADVICE)]) == 0
    assert exit_code([of(OK), of(WRONG), of(ADVICE)]) == 1
    assert exit_code([of(BROKEN), of(WRONG)]) == 3


def test_people_are_told_all_that_belongs_to_what_is_wrong_and_one_line_of_the_rest():
    assert lines([of(OK), of(WRONG)]) == [
        "ok      disk: 10 MiB are free.",
        "wrong   disk: 10 MiB are free.",
        "        where: /srv",
        "        why:   it is full soon.",
        "        mend:  df",
        "1 of 2 checks found something wrong.",
    ]
    assert lines([of(ADVICE)])[-1] == "1 checks, nothing wrong, and 1 has advice."


def test_a_server_that_is_well_has_no_finding():
    assert set(levels().values()) == {OK}


@pytest.mark.parametrize(
    ("name", "value", "check"),
    [
        ("session__sql_mode", "ANSI", "sql_mode"),
        ("session__time_zone", "SYSTEM", "time_zone"),
        ("session__transaction_isolation", "REPEATABLE-READ", "isolation"),
        ("session__character_set_client", "latin1", "character set"),
    ],
)
def test_a_session_that_something_in_between_has_changed_is_wrong(name: str, value: str, check: str):
    assert {one for one, level in levels(**{name: value}).items() if level != OK} == {check}


def test_without_a_binary_log_its_settings_do_not_matter():
    assert set(levels(global__log_bin=0, global__binlog_format="STATEMENT", global__sync_binlog=0).values()) == {OK}


def test_an_older_mariadb_calls_the_isolation_otherwise():
    older = {name: value for name, value in WELL.items() if name != "session.transaction_isolation"}
    older["session.tx_isolation"] = "READ-COMMITTED"

    assert {one.level for one in findings(Settings(older, is_mariadb=True, where="here"))} == {OK}


def test_what_mends_a_setting_lasts_beyond_the_next_start():
    mends = {
        is_mariadb: next(
            one.mend
            for one in findings(Settings({**WELL, "global.sync_binlog": 0}, is_mariadb=is_mariadb, where="here"))
            if one.check == "sync_binlog"
        )
        for is_mariadb in (False, True)
    }

    assert mends[False] == ("SET PERSIST sync_binlog = 1;",)
    assert mends[True] == (
        "SET GLOBAL sync_binlog = 1;",
        "and below [mysqld] of its option file, to last: sync_binlog = 1",
    )


def test_a_statement_may_need_the_largest_value_twice():
    assert needed_packet(0) == 16 << 20
    assert needed_packet(100 << 20) == (201 << 20)


@pytest.mark.parametrize(
    ("name", "found", "level"),
    [
        ("MySQL", "8.0.16", WRONG),
        ("MySQL", "8.0.17", OK),
        ("MySQL", "9.7.4", OK),
        ("MariaDB", "10.5.23-MariaDB-log", WRONG),
        ("MariaDB", "10.11.6-MariaDB-1", OK),
        ("MariaDB", "unknown", WRONG),
    ],
)
def test_a_server_has_to_be_of_a_version_that_tells_names_apart(name: str, found: str, level: str):
    assert version(name, found, "here").level == level


def test_clocks_may_be_as_far_apart_as_an_answer_takes():
    later = NOON + timedelta(seconds=5)

    assert clocks(NOON + timedelta(seconds=4), NOON, later, "here").level == OK
    assert clocks(later + timedelta(seconds=3), NOON, later, "here").found == (
        "the server's clock is 3.0 s ahead of this machine's."
    )
    assert clocks(NOON - timedelta(seconds=3), NOON, later, "here").level == WRONG


def test_a_certificate_is_spoken_of_a_month_before_it_ends():
    assert list(certificate("Apr 30 12:00:00 2026 GMT", NOON, "here")) == []
    assert [one.level for one in certificate("Mar 30 12:00:00 2026 GMT", NOON, "here")] == [ADVICE]
    assert list(certificate("", NOON, "here")) == []


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("git version 2.31.0", OK),
        ("git version 2.39.5 (Apple Git-154)", OK),
        ("git version 3.0", OK),
        ("git version 2.30.2", BROKEN),
        ("No such file or directory", BROKEN),
        ("", BROKEN),
    ],
)
def test_git_has_to_be_new_enough(said: str, level: str):
    assert git_version(said).level == level


@pytest.mark.parametrize(
    ("free", "size", "level"), [(63 << 20, 0, WRONG), (65 << 20, 0, OK), (65 << 20, 66 << 20, ADVICE)]
)
def test_a_disk_has_to_have_room_for_the_next_step_and_better_for_a_copy(free: int, size: int, level: str):
    assert free_space(free, size, Path("/srv")).level == level


MOUNTS = r"""22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:25 / /srv rw - nfs4 files:/srv rw
31 30 8:2 / /srv/local rw shared:1 master:2 - xfs /dev/sdb1 rw
32 22 0:26 / /home/a\040b rw - fuse.sshfs host: rw
33 22 0:27 / /work rw - nfs files:/work rw
34 22 8:3 / /work rw - ext4 /dev/sdc1 rw
"""


@pytest.mark.parametrize(
    ("folder", "level", "kind"),
    [
        ("/var/lib", OK, "ext4"),
        ("/srv/iact", WRONG, "nfs4"),
        ("/srvother", OK, "ext4"),
        ("/srv/local/iact", OK, "xfs"),
        ("/home/a b/iact", WRONG, "fuse.sshfs"),
        ("/work", OK, "ext4"),
    ],
)
def test_the_disk_of_another_machine_is_told(folder: str, level: str, kind: str):
    found = file_system(MOUNTS, Path(folder))

    assert (found.level, found.found.startswith(kind)) == (level, True)
    assert file_system("", Path(folder)).found == "not known."
