"""Makes the measured libraries: realistic names, made once for all benchmarks, and equal in each run."""

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
from bench.names import library_paths, loose_paths
from bench.world import World, copy_catalog, scan_command, write_config

# Old enough to settle at the first scan.
DAY_S = 86_400

SETTLED_S = 2.0
"""How long after its last change a file is complete at the first look, so that a scan need not wait for it."""


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
    count = world.sizes.videos
    return _made_once(world.folder / f"videos-{count}", library_paths(count), real_content)


def loose_videos(world: World) -> Library:
    """Make few such videos, with films that have no folder of their own."""
    count = world.sizes.few
    return _made_once(world.folder / f"loose-{count}", loose_paths(count), real_content)


def tiny_videos(world: World, count: int) -> Library:
    """Make videos of one picture quickly: Matroska or MP4, with a few bytes of their own after the
    end.
    """
    return _made_once(world.folder / f"tiny-{count}", library_paths(count), _tiny_content)


def catalogued(world: World, count: int) -> Catalogued:
    """Return tiny videos with a catalogue of them: of an earlier benchmark, or of a scan that is not measured."""
    library = tiny_videos(world, count)
    folder = _catalog_folder(world, count)
    complete = folder / "complete"
    if not complete.exists() or complete.read_text() != _schema():
        with world.corner("catalog") as corner, open(corner / "stderr.log", "wb") as log:
            command = ("nice", *scan_command(write_config(corner, library.root)))
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, check=True)
            found = json.loads(done.stdout)["present_count"]
            if found != count:
                raise RuntimeError(f"the scan found {found} of {count} files; see {log.name}")
            keep_catalog(world, count, corner)
    return Catalogued(library=library, database=folder / "reeld.db")


def keep_catalog(world: World, count: int, corner: Path) -> None:
    """Keep the closed catalogue of so many tiny videos, which a scan left in `corner`, for `catalogued`."""
    folder = _catalog_folder(world, count)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    copy_catalog(corner / "reeld.db", folder)
    (folder / "complete").write_text(_schema())


def _catalog_folder(world: World, count: int) -> Path:
    return world.folder / f"catalog-{count}"


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


def _made_once(root: Path, paths: Sequence[str], content: Callable[[int, str], bytes]) -> Library:
    if not (done := root.with_suffix(".complete")).exists():
        shutil.rmtree(root, ignore_errors=True)
        past = time.time() - DAY_S
        for number, relative in enumerate(paths):
            path = root / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content(number, relative))
            os.utime(path, (past, past))
        time.sleep(SETTLED_S)
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
