"""Runs a real first scan and counts what it asks of SQLite.

`python -m bench.counted CONFIG` prints, as JSON, the files, the statements that ran, and the commits. A statement that
runs for many rows, as by `executemany`, counts once a row. Only this scan is counted, and it is not timed.
"""

import json
import os
import sys
from typing import Any
from unittest import mock

from peewee import SqliteDatabase

from reeld.config import load_config
from reeld.log import configure_log
from reeld.service import scan


def main() -> None:
    config = load_config(sys.argv[1], os.environ)
    configure_log(config.log)
    counts = {"statements": 0, "commits": 0}

    def note(sql: str) -> None:
        # What triggers run is told as a comment. It belongs to the statement that set them off.
        if not sql.startswith("--"):
            counts["statements"] += 1
            counts["commits"] += sql == "COMMIT"

    connect: Any = SqliteDatabase._connect  # noqa: SLF001 - the one place where every connection is made

    def connect_and_note(self: SqliteDatabase, *args: Any, **kwargs: Any) -> Any:
        connection = connect(self, *args, **kwargs)
        connection.set_trace_callback(note)
        return connection

    with mock.patch.object(SqliteDatabase, "_connect", connect_and_note):
        summary = scan.run_scan(config, [])
    print(json.dumps({"files": summary.counts["files"]["present"], **counts}))


if __name__ == "__main__":
    main()
