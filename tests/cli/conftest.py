"""A library that was scanned once, and the command line as a person types it."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.service.warm_start import warm_start
from tests.template import copy_template
from tests.videos import make_video

# Encoded as the file system does it: the last name is not UTF-8.
VIDEOS = (
    b"The.Matrix.1999.1080p.BluRay.x264-GRP.mkv",
    b"Movies/The Matrix (1999)/The Matrix (1999).mp4",
    b"Movies/Heat (1995) {tmdb-949}/Heat (1995).mkv",
    b"TV/Friends/Season 10/Friends.S10E17E18.1080p.BluRay.avi",
    b"TV/The Office (US)/Season 3/The Office (US) - 3x10 - A Benihana Christmas.mkv",
    b"holiday.mkv",
    b"thing.mkv",
    b"wedding.mkv",
    b"nothing.mkv",
    b"Heat.1995.1080p.x264-GRP/Sample/sample-heat.mkv",
    b".hidden.mkv",
    b"caf\xe9 \x1b[31m(2004).mkv",
)


@dataclass(frozen=True)
class Reeld:
    """`reeld` with its own home, configuration and catalogue."""

    home: Path

    @property
    def config(self) -> Path:
        return self.home / "reeld.toml"

    @property
    def videos(self) -> Path:
        return self.home / "videos"

    def run(self, *arguments: str, stdin: bytes = b"", configured: bool = True) -> "subprocess.CompletedProcess[bytes]":
        command = [*arguments, "--config", str(self.config)] if configured else arguments
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        environment = {**kept, "HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        return warm_start.reeld(
            command, stdin=stdin, directory=Path.cwd(), environment=environment, forks_children=True
        )

    def json(self, *arguments: str, stdin: bytes = b"") -> list[dict[str, Any]]:
        result = self.run(*arguments, "--json", stdin=stdin)
        assert result.returncode == 0, result.stderr.decode()
        return [json.loads(line) for line in result.stdout.splitlines()]

    def file(self, name: str) -> dict[str, Any]:
        """The row of the file of this base name."""
        (row,) = [row for row in self.json("list", "files") if os.path.basename(row["path"]) == name]
        return row


def scanned(home: Path, names: tuple[bytes, ...] = VIDEOS) -> Reeld:
    reeld = Reeld(home)
    for seed, name in enumerate(names):
        path = Path(os.fsdecode(os.path.join(os.fsencode(reeld.videos), name)))
        path.parent.mkdir(parents=True, exist_ok=True)
        make_video(path, seed=seed, subtitle_language=None if path.suffix == ".avi" else "ger")
    reeld.config.write_text(
        f'settle.quiet_s = 0\ndatabase.path = "state/reeld.db"\n[[library]]\nname = "V"\npath = "{reeld.videos}"\n'
    )
    copy_template(home / "state" / "reeld.db")
    result = reeld.run("scan")
    assert result.returncode == 0, result.stderr.decode()
    return reeld


@pytest.fixture(scope="session")
def reeld(tmp_path_factory: pytest.TempPathFactory) -> Reeld:
    """For tests that only look."""
    return scanned(tmp_path_factory.mktemp("looked-at"))


@pytest.fixture
def undecided(tmp_path: Path) -> Callable[..., Reeld]:
    """For tests that decide: a library of these names of their own."""
    return lambda *names: scanned(tmp_path, tuple(name.encode() for name in names))
