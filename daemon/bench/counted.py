"""Runs a real first scan and counts what it asks of SQLite.

`python -m bench.counted CONFIG` prints, as JSON, the files, the statements that ran, and the commits that changed rows.
A statement that runs for many rows, as by `executemany`, counts once a row. This scan is not timed.
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
    connect: Any = SqliteDatabase._connect  # noqa: SLF001 - the one place where every connection is made

    def connect_and_note(self: SqliteDatabase, *args: Any, **kwargs: Any) -> Any:
        connection = connect(self, *args, **kwargs)
        changed = 0

        def note(sql: str) -> None:
            nonlocal changed
            if sql.startswith("--"):
                return  # what a trigger runs is told like this; it belongs to the statement that set it off
            counts["statements"] += 1
            if sql == "COMMIT" and connection.total_changes > changed:
                counts["commits"] += 1
                changed = connection.total_changes

        connection.set_trace_callback(note)
        return connection

    with mock.patch.object(SqliteDatabase, "_connect", connect_and_note):
        summary = scan.run_scan(config, [])
    print(json.dumps({"files": summary.counts["files"]["present"], **counts}))


if __name__ == "__main__":
    main()
