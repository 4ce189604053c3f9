"""Every command that the documents show is run, in order, as a reader would type it."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.videos import make_video

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md")

# They would run this test again, or take minutes: `make` is asked whether it knows how to.
DRY = ("make test", "make check", "make bench", "make soak", "make test-systemd")

# They change the machine: `make test-systemd` types them in one that is thrown away.
ELSEWHERE = "## Run as a service"

# Beside the daemon of this test they are refused, and say why.
REFUSED = {
    "reeld run": "another reeld",
    "reeld scan": "notices new files by itself",
    "reeld restore-backup": "stop it first",
}


def commands(document: str, section: str = "") -> list[str]:
    """All command lines of a document, or of the section with this heading."""
    text = (ROOT / document).read_text()
    if section:
        text = text.split(f"\n{section}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


HERE = [
    command
    for command in commands("README.md")[1:] + commands("CONTRIBUTING.md")
    if command not in commands("README.md", ELSEWHERE)
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's home: videos of which four raise questions, and nothing else."""
    home = tmp_path_factory.mktemp("home")
    videos = home / "Videos"
    for seed, name in enumerate(
        ["The Thin Man.mkv", "holiday.mkv", "xkcd.mkv", "thing.mkv", "Heat (1995).mkv", "Friends.S10E17E18.mkv"]
    ):
        videos.mkdir(exist_ok=True)
        path = make_video(videos / name, seed=seed)
        os.utime(path, (1, 1))
    return home


@pytest.fixture(scope="module")
def environment(home: Path) -> dict[str, str]:
    # The commands under test are those of the environment that runs the tests.
    binaries = Path(shutil.which("reeld") or "").parent if shutil.which("reeld") else None
    local = ROOT / ".venv" / "bin"
    path = os.pathsep.join(str(part) for part in (local, binaries, os.environ["PATH"]) if part)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "REELD_", "STATE_"))}
    return kept | {"HOME": str(home), "PATH": path}


@pytest.fixture(scope="module", autouse=True)
def daemon(environment: dict[str, str]) -> Iterator[None]:
    """The first command of the README, which goes on running while the others look in."""
    assert commands("README.md")[0] == "make run"
    process = subprocess.Popen(
        ["make", "run"], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    finished = 0
    for line in process.stderr:
        finished += '"file.finished"' in line
        if finished == 6:
            break
    assert finished == 6, "the daemon ended before it had gone through the videos"
    yield
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)


@pytest.mark.timeout(320)
@pytest.mark.parametrize("command", dict.fromkeys(HERE))
def test_a_command_of_the_documents_works_as_it_stands(command: str, environment: dict[str, str]) -> None:
    if command in DRY:
        command = command.replace("make ", "make --dry-run ")
    # A limit for what hangs: `make accuracy` reads 2,464 names, which takes half a minute and more on a slow machine.
    result = subprocess.run(
        command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    if why := next((why for begin, why in REFUSED.items() if command.startswith(begin)), None):
        assert result.returncode == os.EX_TEMPFAIL, result.stderr
        assert why in result.stderr
    else:
        assert result.returncode == 0, result.stderr


def test_the_documents_name_only_files_that_exist() -> None:
    for document in (*DOCUMENTS, "daemon/ARCHITECTURE.md", "daemon/SYSTEMD.md", "daemon/LOGS.md", "CHANGELOG.md"):
        text = (ROOT / document).read_text()
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert ((ROOT / document).parent / target).exists(), f"{document} names {target}"


def test_the_list_of_events_is_complete() -> None:
    source = "".join(path.read_text() for path in (ROOT / "daemon" / "reeld").rglob("*.py"))
    logged = set(re.findall(r"""(?:log\.\w+|tell)\(\s*"([a-z]+\.[a-z_]+)""", source))
    listed = set(re.findall(r"`([a-z]+\.[a-z_]+)`", (ROOT / "daemon" / "LOGS.md").read_text()))
    assert logged
    assert logged - listed == set()
    assert {event for event in listed if not event.endswith((".py", ".toml"))} - logged == set()
