"""Makes the measured libraries: realistic names, made once and equal in each run."""

import json
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import xxhash
from tests.videos import video_bytes

import reeld.database
from bench.measure import MIB
from bench.names import library_paths
from bench.world import World, scan_command, write_config

# Old enough to settle at the first scan.
DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A folder full of videos."""

    root: Path
    paths: Sequence[str]
    """Relative to the root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogued:
    """A library that a scan has added to a catalogue. Copy the catalogue before changing it."""

    library: Library
    database: Path


def real_videos(world: World) -> Library:
    """Make small videos with a real encoder, each with its own bytes."""
    return _made_once(world.folder / f"videos-{world.sizes.videos}", world.sizes.videos, real_content)


def cheap_files(world: World, count: int) -> Library:
    """Make files that are no videos, with a few bytes each: the media prober never sees them."""
    return _made_once(world.folder / f"cheap-{count}", count, _cheap_content)


def tiny_videos(world: World, count: int) -> Library:
    """Make videos of one picture quickly: Matroska or MP4, with a few bytes of their own after the
    end.
    """
    return _made_once(world.folder / f"tiny-{count}", count, _tiny_content)


def catalogued(world: World, count: int) -> Catalogued:
    """Make cheap files, and add them to a catalogue with a `reeld scan` that is not measured."""
    library = cheap_files(world, count)
    folder = world.folder / f"catalog-{count}"
    database, complete = folder / "reeld.db", folder / "complete"
    if not complete.exists() or complete.read_text() != _schema():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with open(folder / "stderr.log", "wb") as log:
            command = ("nice", *scan_command(write_config(folder, library.root)))
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, check=True)
        found = json.loads(done.stdout)["present_count"]
        if found != count:
            raise RuntimeError(f"the scan found {found} of {count} files; see {log.name}")
        complete.write_text(_schema())
    return Catalogued(library=library, database=database)


def _schema() -> str:
    """Return a name for the schema: a kept catalogue of an older schema must not be measured."""
    migrations = sorted(Path(reeld.database.__file__).parent.glob("migrations/*.sql"))
    return xxhash.xxh3_128(b"".join(path.read_bytes() for path in migrations)).hexdigest()


def real_content(number: int, path: str) -> bytes:
    """Make a video of an hour and a half by its header, with some ten pictures."""
    ending = os.path.splitext(path)[1]
    subtitles = "eng" if number % 3 == 0 and ending != ".avi" else None
    container = "mp4" if ending == ".mp4" else "avi" if ending == ".avi" else "mkv"
    return video_bytes(container, seed=number, duration_s=5400.0, subtitle_language=subtitles)


def _tiny_content(_number: int, path: str) -> bytes:
    container, own = "mp4" if path.endswith(".mp4") else "mkv", path.encode()
    # Any bytes may follow the end of Matroska. In MP4 they must be a box, or the file counts as
    # truncated.
    box = struct.pack(">I4s", 8 + len(own), b"free") if container == "mp4" else b""
    return _template(container) + box + own


@lru_cache(maxsize=8)
def _template(container: str) -> bytes:
    return video_bytes(container, seed=1)


def _cheap_content(_number: int, path: str) -> bytes:
    return f"no video, and no other file like it: {path}\n".encode()


def _made_once(root: Path, count: int, content: Callable[[int, str], bytes]) -> Library:
    paths = library_paths(count)
    if not (done := root.with_suffix(".complete")).exists():
        shutil.rmtree(root, ignore_errors=True)
        past = time.time() - DAY_S
        for number, relative in enumerate(paths):
            path = root / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content(number, relative))
            os.utime(path, (past, past))
        done.touch()
    return Library(root=root, paths=paths)


def large_file(world: World) -> Path:
    """Make one incompressible file of `hash_gib`, and write it out to the disk."""
    path = world.folder / f"large-{world.sizes.hash_gib:g}-gib.mkv"
    blocks = round(world.sizes.hash_gib * 1024)
    if not path.exists() or path.stat().st_size != blocks * MIB:
        with open(path, "wb") as file:
            file.writelines(os.urandom(MIB) for _ in range(blocks))
            file.flush()
            # Only pages that were written out can be dropped from the page cache.
            os.fsync(file.fileno())
    return path
