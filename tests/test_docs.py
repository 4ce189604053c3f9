"""Run every command that the documents show, in order, as a reader would type it, and check what they claim."""

import contextlib
import fcntl
import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import termios
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reeld.config import parse_config
from tests.systemd.transcript import MARK
from tests.test_words import WORDS
from tests.videos import make_video

# A limit for what hangs. On a busy machine a single command may take a minute.
pytestmark = pytest.mark.timeout(320)

ROOT = Path(__file__).parent.parent
DOCUMENTS = (
    "README.md",
    "daemon/HOW_IT_WORKS.md",
    "daemon/QUERIES.md",
    "daemon/BACKUPS.md",
    "daemon/LOGS.md",
    "CONTRIBUTING.md",
)
ALL_DOCUMENTS = (
    *DOCUMENTS,
    "daemon/ARCHITECTURE.md",
    "daemon/JSON.md",
    "daemon/SYSTEMD.md",
    "daemon/RELIABILITY.md",
    "CHANGELOG.md",
)

# They would run this test again, or take minutes: `make` is asked whether it knows how to.
DRY = ("make test", "make check", "make media", "make bench", "make soak", "make test-systemd")

# These commands change the machine: `make test-systemd` types them in one that is thrown away.
ELSEWHERE = (("README.md", "## Run it as a service"), ("daemon/SYSTEMD.md", ""))

# Beside the daemon of this test they are refused, and say why.
REFUSED = {
    "reeld run": "another reeld",
    "reeld scan": "notices new files by itself",
    "reeld restore-backup": "stop it first",
}

# The reader whose screen README.md shows.
READER = "/home/ada"


def commands(document: str, section: str = "") -> list[str]:
    """All command lines of a document, or of the section with this heading."""
    text = (ROOT / document).read_text()
    if section:
        text = text.split(f"\n{section}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def commands_for_a_machine() -> list[str]:
    """What an administrator types, in the order of the documents."""
    return [line for document, section in ELSEWHERE for line in commands(document, section)]


def block(document: str, language: str) -> str:
    """The only block of this language in a document."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


HERE = [
    command
    for command in [line for document in DOCUMENTS for line in commands(document)][1:]
    if command not in commands_for_a_machine()
]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A reader's home with four videos. Its path is short, so that a table fits on the terminal."""
    with tempfile.TemporaryDirectory(prefix="reeld-") as folder:
        videos = Path(folder, "Videos")
        videos.mkdir()
        # The example of README.md, beside the file that it is about.
        (videos / "2012.nfo").write_text(block("README.md", "xml"))
        os.utime(videos / "2012.nfo", (1, 1))
        for seed, name in enumerate(["Heat (1995).mkv", "thinman.mkv", "Friends.S10E17E18.mkv", "2012.mkv"]):
            path = make_video(videos / name, seed=seed, duration_s=4.0)
            os.utime(path, (1, 1))
        yield Path(folder)


@pytest.fixture(scope="module")
def environment(home: Path) -> dict[str, str]:
    # The commands under test are those of the environment that runs the tests.
    binaries = Path(shutil.which("reeld") or "").parent if shutil.which("reeld") else None
    local = ROOT / ".venv" / "bin"
    path = os.pathsep.join(str(part) for part in (local, binaries, os.environ["PATH"]) if part)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "REELD_", "STATE_"))}
    return kept | {"HOME": str(home), "PATH": path}


@pytest.fixture(scope="module", autouse=True)
def daemon(environment: dict[str, str], home: Path) -> Iterator[None]:
    """The first command of the README, which goes on running while the others look in."""
    assert commands("README.md")[0] == "make run"
    process = subprocess.Popen(
        ["make", "run"], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    videos = len(list(home.rglob("*.mkv")))
    finished = 0
    for line in process.stderr:
        finished += '"file.finished"' in line
        if finished == videos:
            break
    assert finished == videos, "the daemon ended before it had gone through the videos"
    # What it tells of its libraries is a second old.
    while "settling" in subprocess.check_output(["reeld", "status"], env=environment, text=True):
        pass
    yield
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=150)


# --- what the README shows -------------------------------------------------------------------------------


def on_a_terminal(command: str, environment: dict[str, str]) -> str:
    """What a command prints on a terminal of 110 columns, without colours."""
    ours, its = pty.openpty()
    try:
        fcntl.ioctl(its, termios.TIOCSWINSZ, b"\x28\x00\x6e\x00\x00\x00\x00\x00")
        plain = environment | {"NO_COLOR": "1", "TERM": "xterm", "PAGER": "cat"}
        plain.pop("COLUMNS", None)
        process = subprocess.Popen(command, shell=True, cwd=ROOT, env=plain, stdin=its, stdout=its, stderr=its)
        os.close(its)
        seen = b""
        # The terminal's end is an error of its own.
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 65_536):
                seen += piece
        assert process.wait(timeout=300) == 0, seen
    finally:
        os.close(ours)
    return re.sub(r"\x1b\[[0-9;]*m", "", seen.decode()).replace("\r\n", "\n")


def comparable(screen: str) -> list[str]:
    """Leave out what differs from one run to the next: ids, times, the first backup, and the width of a column."""
    for pattern, instead in (
        (r"process \d+", "process N"),
        (r"\d+ (s|min) ago", "TIME ago"),
        (r"last backup: .*", "last backup: TIME"),
        (r"(?m)^([a-z]?)\d+  ", r"\1N  "),
        (r"(?m) +$", ""),
        (r"(?m)(?<=\S) {2,}", "  "),
    ):
        screen = re.sub(pattern, instead, screen)
    return screen.splitlines()


def test_the_screen_of_the_readme_is_what_a_reader_sees(home: Path, environment: dict[str, str]) -> None:
    shown = block("README.md", "console")
    typed = re.findall(r"^\$ (.*)$", shown, re.MULTILINE)
    assert {"reeld status", "reeld pending"} < set(typed)
    seen = "".join(f"$ {command}\n{on_a_terminal(command, environment)}" for command in typed)
    seen = seen.replace(str(home), READER)
    assert comparable(shown) == comparable(seen), f"README.md shows another screen than this:\n{seen}"


def test_ten_names_are_read_as_the_readme_says(environment: dict[str, str]) -> None:
    rows = re.findall(r"^\| `(.*?)` \| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(rows) == 10
    command = ["reeld", "identify", *(name for name, _ in rows)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
    answers = [line.split("\t") for line in done.stdout.splitlines()]
    for (name, says), (verdict, kind, what, _, path, *_) in zip(rows, answers, strict=True):
        assert path == name
        # Behind a comma, or a colon of what is not accepted, the reason stands in words of the page.
        assert says == f"{kind}: {what}" if verdict == "accepted" else re.match(r"\w+", says)[0] == verdict  # type: ignore[index]


def two_libraries(text: str) -> list[tuple[str, str]]:
    config = parse_config(tomllib.loads(text), source="example", base="/", environment={"HOME": READER})
    return [(library.name, library.kind) for library in config.libraries]


def test_the_example_of_two_libraries_is_a_good_configuration() -> None:
    assert two_libraries(block("README.md", "toml")) == [("Movies", "movies"), ("Series", "series")]


def test_config_toml_begins_with_the_example_of_two_libraries() -> None:
    """As a comment, since the file itself must mean the same as no file."""
    head = (ROOT / "config.toml").read_text().split("\n# ---")[0]
    example = re.findall(r"^#   (.*)$", head, re.MULTILINE)
    assert two_libraries("\n".join(example)) == [("Movies", "movies"), ("Series", "series")]


def test_a_page_that_people_read_first_stays_short() -> None:
    """A later feature gets a page of its own, and two lines here."""
    lengths = {name: len((ROOT / name).read_text().splitlines()) for name in ("README.md", "daemon/ARCHITECTURE.md")}
    assert lengths["README.md"] <= 170
    assert lengths["daemon/ARCHITECTURE.md"] <= 120


def test_the_glossary_explains_at_most_25_words() -> None:
    glossary = (ROOT / "daemon/ARCHITECTURE.md").read_text().split("\n## Glossary\n")[1].split("\n## ")[0]
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", glossary, re.MULTILINE)
    assert len(words) == len(set(words))
    assert 10 <= len(words) <= 25


@pytest.mark.parametrize("document", [*ALL_DOCUMENTS, "config.toml", "daemon/man/reeld.8"])
def test_a_document_is_written_in_plain_words(document: str) -> None:
    """The words are those that messages may not hold either. Names of tests, and what programs print, are left out."""
    by_hand = (ROOT / document).read_text().split(MARK)[0]
    prose = re.sub(r"(?ms)^```.*?^```|`[^`\n]*`", "", by_hand)
    words = "|".join(WORDS).replace(" ", r"\s+")
    assert re.findall(rf"(?i)\b(?:{words})\b", prose) == []


# --- commands --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", dict.fromkeys(HERE))
def test_a_command_of_the_documents_works_as_it_stands(command: str, environment: dict[str, str]) -> None:
    if command in DRY:
        command = command.replace("make ", "make --dry-run ")
    # A limit for what hangs: `make accuracy` reads 2,464 names, which takes half a minute and more on a slow machine.
    result = subprocess.run(
        command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=550, check=False
    )
    if why := next((why for begin, why in REFUSED.items() if command.startswith(begin)), None):
        assert result.returncode == os.EX_TEMPFAIL, result.stderr
        assert why in result.stderr
    else:
        assert result.returncode == 0, result.stderr


def test_an_answer_is_undone_by_another_and_the_trash_gives_a_film_back(
    home: Path, environment: dict[str, str]
) -> None:
    def rows(*words: str) -> list[dict[str, Any]]:
        """Run one command, and read its JSON Lines."""
        command = ["reeld", *words, "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def years_of_heat() -> set[int | None]:
        return {row["year"] for row in rows("list", "movies") if row["title"] == "Heat"}

    path = str(home / "Videos" / "Heat (1995).mkv")
    rows("reject", path)
    assert years_of_heat() == set()
    (lost,) = [row for row in rows("list", "trash") if "Heat" in json.dumps(row)]
    rows("restore", str(lost["id"]))
    assert years_of_heat() == {1995}
    rows("validate", path, "--movie", "Heat", "--year", "1986")
    rows("validate", path, "--movie", "Heat", "--year", "1995")
    assert years_of_heat() == {1995}


def inline_commands() -> set[str]:
    """Commands in the middle of a sentence: `reeld restore NUMBER`, say."""
    text = "".join((ROOT / document).read_text() for document in ALL_DOCUMENTS if document != "CHANGELOG.md")
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    spans = (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose))
    return {span for span in spans if re.match(r"(reeld|make) [a-z]", span)}


@pytest.mark.parametrize("command", sorted(inline_commands()))
def test_a_command_within_a_sentence_exists_with_its_options(command: str, environment: dict[str, str]) -> None:
    words = shlex.split(command)
    if words[0] == "make":
        asked = ["make", "--dry-run", words[1]]
    else:
        names = [word for word in words[1:] if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
        asked = ["reeld", *names, "--help"]
    done = subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    for option in (word for word in words if word.startswith("--")):
        assert re.search(rf"{option}\b", done.stdout), f"{command}: there is no {option}"


# --- files and events ------------------------------------------------------------------------------------


def test_the_documents_name_only_files_that_exist() -> None:
    for document in ALL_DOCUMENTS:
        text = (ROOT / document).read_text()
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert ((ROOT / document).parent / target).exists(), f"{document} names {target}"


def modules_named(document: str) -> Iterator[str]:
    """Modules of the package that a document names, as `scanner/reconcile.py`."""
    prose = (ROOT / document).read_text()
    yield from re.findall(r"`((?:\w+/)+\w+\.(?:py|sql))`", prose)


@pytest.mark.parametrize("document", ["daemon/ARCHITECTURE.md", "daemon/HOW_IT_WORKS.md", "CONTRIBUTING.md"])
def test_the_documents_name_only_modules_that_exist(document: str) -> None:
    for name in modules_named(document):
        assert any((base / name).exists() for base in (ROOT / "daemon" / "reeld", ROOT)), f"{document} names {name}"


def test_the_list_of_events_is_complete() -> None:
    source = "".join(path.read_text() for path in (ROOT / "daemon" / "reeld").rglob("*.py"))
    logged = set(re.findall(r"""(?:log\.\w+|tell|tell_of_each)\(\s*"([a-z]+\.[a-z_]+)""", source))
    listed = set(re.findall(r"`([a-z]+\.[a-z_]+)`", (ROOT / "daemon" / "LOGS.md").read_text()))
    assert logged
    assert logged - listed == set()
    assert {event for event in listed if not event.endswith((".py", ".toml"))} - logged == set()
