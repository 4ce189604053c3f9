"""What lies on the disks that are measured? Libraries with realistic names, made once and the same in each run."""

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

# So old that nothing waits for it to settle: the first look at it is enough.
DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A folder full of videos."""

    root: Path
    paths: Sequence[str]
    """Relative to the root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogued:
    """A library that a scan has brought into a catalogue. Copy the catalogue before changing it."""

    library: Library
    database: Path


def real_videos(world: World) -> Library:
    """Small videos of a real encoder, each with its own bytes."""
    return _made_once(world.folder / f"videos-{world.sizes.videos}", world.sizes.videos, real_content)


def cheap_files(world: World, count: int) -> Library:
    """Files that are no videos, each with its own few bytes: the media prober is never asked about them."""
    return _made_once(world.folder / f"cheap-{count}", count, _cheap_content)


def tiny_videos(world: World, count: int) -> Library:
    """Videos of one picture, made in no time: Matroska or MP4, with a few bytes of its own behind its end."""
    return _made_once(world.folder / f"tiny-{count}", count, _tiny_content)


def catalogued(world: World, count: int) -> Catalogued:
    """So many cheap files, brought into a catalogue by a `reeld scan` that is not measured."""
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
    """What tells one schema from another: a kept catalogue of an older one must not be measured."""
    migrations = sorted(Path(reeld.database.__file__).parent.glob("migrations/*.sql"))
    return xxhash.xxh3_128(b"".join(path.read_bytes() for path in migrations)).hexdigest()


def real_content(number: int, path: str) -> bytes:
    """An hour and a half on paper, some ten pictures in truth."""
    ending = os.path.splitext(path)[1]
    subtitles = "eng" if number % 3 == 0 and ending != ".avi" else None
    container = "mp4" if ending == ".mp4" else "avi" if ending == ".avi" else "mkv"
    return video_bytes(container, seed=number, duration_s=5400.0, subtitle_language=subtitles)


def _tiny_content(_number: int, path: str) -> bytes:
    container, own = "mp4" if path.endswith(".mp4") else "mkv", path.encode()
    # Behind the end of Matroska anything may lie; in MP4 it must be a box, or the file counts as cut off.
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
    """One file of `hash_gib` that no compression makes smaller, written out to the disk."""
    path = world.folder / f"large-{world.sizes.hash_gib:g}-gib.mkv"
    blocks = round(world.sizes.hash_gib * 1024)
    if not path.exists() or path.stat().st_size != blocks * MIB:
        with open(path, "wb") as file:
            file.writelines(os.urandom(MIB) for _ in range(blocks))
            file.flush()
            # Only what was written out can be dropped from the page cache.
            os.fsync(file.fileno())
    return path
