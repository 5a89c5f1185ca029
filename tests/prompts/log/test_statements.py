"""What mitmproxy's process says to SQLite: that it is what the tables mean is test_tables' matter."""

import sqlite3
import subprocess
import sys

from addon.prompts.log import statements


def test_every_statement_is_one_that_sqlite_takes() -> None:
    database = sqlite3.connect(":memory:")
    for statement in (*statements.PREPARE, *statements.TABLES, *statements.DROP_UNNEEDED, statements.SET_VERSION):
        database.execute(statement)
    assert database.execute("PRAGMA user_version").fetchone() == (statements.VERSION,)
    assert database.execute(statements.USED_PAGES).fetchone()[0] > 0
    database.close()


def test_recording_does_without_sqlalchemy() -> None:
    code = "import sys, addon.prompts.log.writer; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
