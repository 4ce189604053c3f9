#!/usr/bin/env bash
# pysqlite3 0.6.1 (with SQLite 3.53.4 in its wheel), Python 3.11, x86_64.
#
# pysqlite3 looks like the sqlite3 module with a newer SQLite. Its cache of prepared statements is another one: it drops
# the statement that was used least, and counts never age. CPython's module (since 3.10) drops the one that was used
# longest ago. Once 128 texts have been used a few times each, new ones push each other out, for as long as the
# connection lives: two that take turns are prepared on every call, however often they are used. A long-running program
# gets slower, and only for the statements that it met last. A larger `cached_statements` is the cure.
#
# Output seen (how often two statements that took turns were prepared in 200 calls):
#   pysqlite3, new connection: 2
#   pysqlite3, after 128 other texts: 200
#   pysqlite3, after 128 other texts, cached_statements=1000: 2
#   sqlite3, new connection: 2
#   sqlite3, after 128 other texts: 2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pysqlite3==0.6.1
"$folder/venv/bin/python" - <<'PYTHON'
import sqlite3

from pysqlite3 import dbapi2 as pysqlite3


def prepared(driver, others, **options):
    """Let two statements take turns after `others` were used three times each; return how often they were prepared."""
    connection = driver.connect(":memory:", **options)
    for number in range(others):
        for _ in range(3):
            connection.execute(f"SELECT {number}").fetchall()
    count = 0

    def authorize(action, *_):
        nonlocal count
        count += action == driver.SQLITE_SELECT
        return driver.SQLITE_OK

    connection.set_authorizer(authorize)  # SQLite asks it whenever it prepares a statement
    for turn in range(200):
        connection.execute(f"SELECT {1000 + turn % 2}").fetchall()
    return count


seen = {
    "pysqlite3, new connection": prepared(pysqlite3, 0),
    "pysqlite3, after 128 other texts": prepared(pysqlite3, 128),
    "pysqlite3, after 128 other texts, cached_statements=1000": prepared(pysqlite3, 128, cached_statements=1000),
    "sqlite3, new connection": prepared(sqlite3, 0),
    "sqlite3, after 128 other texts": prepared(sqlite3, 128),
}
for what, count in seen.items():
    print(f"{what}: {count}")
assert list(seen.values()) == [2, 200, 2, 2, 2]
PYTHON
