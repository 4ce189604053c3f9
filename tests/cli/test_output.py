"""What no name may do to a reader of the output: break a line, or give orders to a terminal."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reeld
from reeld.cli import output
from tests.cli.conftest import Reeld

HOSTILE = "a\u2028b\x9b31m\x85\u202e\x1b[2J\x7f\u2066\udce9"

# A name of bytes holds no other surrogates than these.
texts = st.text(st.characters(exclude_categories=["Cs"]) | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


class _Stream(io.TextIOWrapper):
    """Standard output, or a terminal of that kind."""

    def __init__(self, *, is_terminal: bool = False) -> None:
        self.bytes = io.BytesIO()
        self._is_terminal = is_terminal
        super().__init__(self.bytes, "utf-8", newline="", write_through=True)

    def isatty(self) -> bool:
        return self._is_terminal

    @property
    def text(self) -> str:
        return self.bytes.getvalue().decode("utf-8", "surrogateescape")


def _printed(do: Callable[..., None], *arguments: Any, is_terminal: bool = False) -> tuple[str, str]:
    """What this prints on standard output and on standard error."""
    with pytest.MonkeyPatch.context() as patch:
        streams = _Stream(is_terminal=is_terminal), _Stream(is_terminal=is_terminal)
        patch.setattr(sys, "stdout", streams[0])
        patch.setattr(sys, "stderr", streams[1])
        do(*arguments)
        return streams[0].text, streams[1].text


@given(st.lists(st.dictionaries(texts, values, max_size=3), max_size=4))
def test_each_object_is_one_printable_line_and_is_read_back_as_it_was(rows: list[dict[str, Any]]) -> None:
    """Every command prints JSON through this function alone, as the next test says."""
    text, _ = _printed(output.print_json, rows)
    lines = text.splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert all(line.isprintable() for line in lines)


def test_every_command_prints_through_the_functions_of_one_module() -> None:
    folder = Path(reeld.__file__).parent
    writes = re.compile(r"json\.dumps?\(|(?<!_)print\(|sys\.std(out|err)\.(buffer\.)?write|typer\.(se)?echo")
    others = {
        str(file.relative_to(folder))
        for below in ("cli", "diagnose", "report")
        for file in (folder / below).glob("*.py")
        if writes.search(file.read_text())
    }
    # The version alone; the table, whose cells are made readable.
    assert others == {"cli/output.py", "cli/app.py", "cli/tables.py"}


@given(texts)
def test_lines_for_people_hold_no_order_to_a_terminal(name: str) -> None:
    for do in (output.say, output.complain, output.print_error, output.remark):
        for text in _printed(do, name):
            assert all(char.isprintable() or char in "\n\t" for char in text)
    for text in _printed(output.print_text, name, is_terminal=True):
        assert all(char.isprintable() or char in "\n\t" for char in text)


def test_a_unit_has_its_paths_byte_for_byte_where_a_program_reads_it() -> None:
    assert _printed(output.print_text, HOSTILE) == (f"{HOSTILE}\n", "")
    text, hint = _printed(output.print_text, HOSTILE, is_terminal=True)
    assert "\\u202e" in text
    assert "write this to a file" in hint


def test_a_traceback_shows_no_name_raw() -> None:
    code = f"from reeld.cli.output import take_over; take_over(); raise RuntimeError({HOSTILE!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
    *_, last = done.stderr.decode().splitlines()
    assert last == r"RuntimeError: a\u2028b\x9b31m\x85\u202e\x1b[2J\x7f\u2066\xe9"


def test_a_hostile_name_reaches_no_reader_raw_and_comes_back_from_an_export(
    undecided: Callable[..., Reeld], tmp_path: Path
) -> None:
    names = ("a\u2028b (1999).mkv", "c\x9b31md (2000).mkv", "e\x85f \u202eg\x7f (2001).mkv", "h\u2029\u2067i.mkv")
    reeld = undecided(*names)
    looks: list[tuple[str, ...]] = [("list", what) for what in ("files", "movies", "libraries")]
    looks += [("pending",), ("show", "1"), ("status",), ("doctor",), ("identify", names[0]), ("config", "check")]
    looks += [("show", f"x{HOSTILE}"), ("validate", f"x{HOSTILE}", "--candidate", "1"), (f"x{HOSTILE}",)]
    for look in looks:
        done = reeld.run(*look)
        for said in (done.stdout, done.stderr):
            assert all(char.isprintable() or char in "\n\t" for char in said.decode()), look
    exported = tmp_path / "export.jsonl"
    exported.write_bytes(reeld.run("export").stdout)
    lines = exported.read_text().splitlines()
    assert all(line.isprintable() for line in lines)
    assert {row["path"] for row in map(json.loads, lines) if row.get("table") == "video_files"} == set(names)
    other = tmp_path / "other" / "reeld.db"
    assert reeld.run("import", str(exported), "--database", str(other)).returncode == os.EX_OK
    config = reeld.config.read_text().replace("state/reeld.db", str(other))
    reeld.config.write_text(config)
    assert reeld.run("export").stdout == exported.read_bytes()


@pytest.mark.parametrize(
    ("command", "status"), [("run", os.EX_CONFIG), ("config check", os.EX_CONFIG), ("stauts", os.EX_USAGE)]
)
def test_on_the_journal_each_line_of_an_error_is_an_error(tmp_path: Path, command: str, status: int) -> None:
    """Nothing has set up the log yet: the configuration has mistakes, or the unit an argument. ExecReload checks it."""
    config, journal = tmp_path / "config.toml", tmp_path / "journal"
    config.write_text("[settle]\nquite_s = 1\nquiet = 2\n")
    journal.touch()
    its = journal.stat()
    reeld = [sys.executable, "-c", "from reeld.cli.app import main; main()", "--config", str(config)]
    for stream, prefix in ((f"{its.st_dev}:{its.st_ino}", "<3>"), ("1:2", "")):
        with journal.open("w") as out:
            done = subprocess.run(
                [*reeld, *command.split()],
                stderr=out,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "JOURNAL_STREAM": stream},
                check=False,
            )
        assert done.returncode == status
        lines = journal.read_text().splitlines()
        assert len(lines) > 1
        assert all(line.startswith("<") == bool(prefix) and line.startswith(prefix) for line in lines), lines


def test_on_the_journal_a_module_that_cannot_be_loaded_is_an_error(tmp_path: Path) -> None:
    """As when a file of the installation is missing. Then not even the log can be set up."""
    (tmp_path / "typer.py").write_text("import not_there\n")
    journal = tmp_path / "journal"
    journal.touch()
    its = journal.stat()
    for stream, prefix in ((f"{its.st_dev}:{its.st_ino}", "<3>"), ("1:2", "")):
        with journal.open("w") as out:
            done = subprocess.run(
                [sys.executable, "-m", "reeld", "run"],
                stderr=out,
                env={**os.environ, "PYTHONPATH": f"{tmp_path}", "JOURNAL_STREAM": stream},
                check=False,
            )
        assert done.returncode == 1
        lines = journal.read_text().splitlines()
        assert lines[0] == f"{prefix}Traceback (most recent call last):"
        assert lines[-1] == f"{prefix}ModuleNotFoundError: No module named 'not_there'"
        assert all(line.startswith(prefix) for line in lines)
