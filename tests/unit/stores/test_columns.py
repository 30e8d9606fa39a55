"""Columns mean the same on every database, whatever it would make of a name or a moment by itself."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy import Column, MetaData, Table, create_mock_engine
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.schema import CreateTable
from sqlalchemy.types import TypeEngine

from iact.stores import columns
from iact.stores.columns import Instant, ascii_identifier, content, counter, identifier


@pytest.mark.parametrize(
    ("column", "on_sqlite", "on_mysql"),
    [
        (identifier(64), "VARCHAR(64)", "VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"),
        (ascii_identifier(40), "VARCHAR(40)", "VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin"),
        (columns.DIGEST, "VARCHAR(71)", "VARCHAR(71) CHARACTER SET ascii COLLATE ascii_bin"),
        (content(), "BLOB", "LONGBLOB"),
        (counter(), "INTEGER", "BIGINT"),
        (Instant(), "VARCHAR(27)", "DATETIME(6)"),
    ],
    ids=["a name", "a name in ASCII", "a digest", "bytes", "a counter", "a moment"],
)
@pytest.mark.parametrize("server", ["mysql", "mariadb"])
def test_a_column_is_compared_byte_by_byte_everywhere(
    column: TypeEngine[object], on_sqlite: str, on_mysql: str, server: str
):
    table = CreateTable(Table("t", MetaData(), Column("x", column)))
    dialect = mysql.dialect() if server == "mysql" else create_mock_engine("mariadb+pymysql://", print).dialect

    assert f"x {on_sqlite}\n" in str(table.compile(dialect=sqlite.dialect()))
    on_server = on_mysql.replace("utf8mb4_bin", "utf8mb4_0900_bin")
    if server == "mariadb":
        on_server = on_mysql.replace("_bin", "_nopad_bin")
    assert f"x {on_server}\n" in str(table.compile(dialect=dialect))


def test_an_embedded_store_loads_no_other_databases_dialect():
    code = (
        "import sys\nfrom iact.stores.connect import open_memory\n"
        "import iact.engine.tables, iact.dora.tables, iact.pdca.tables\nopen_memory().dispose()\n"
        "print('sqlalchemy.dialects.mysql' in sys.modules)\n"
    )

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown == "False\n"
