"""The yardstick of the first scan, written simply: walk, guessit, MediaInfo, hash, one row per file.

`python -m bench.plain LIBRARY DATABASE` does it in one process. It prints, as JSON, the seconds
that each library's calls took. All rows go into one transaction, which is faster and less safe
than one per row.
"""

import json
import os
import sys
import time
from collections import defaultdict

import guessit
import pymediainfo
import xxhash
from peewee import IntegerField, Model, SqliteDatabase, TextField

BLOCK_BYTES = 1 << 20

database = SqliteDatabase(None)


class PlainFile(Model):  # type: ignore[misc] # peewee is untyped here
    """A file with the results of the libraries."""

    path = TextField(unique=True)
    size_bytes = IntegerField()
    mtime_ns = IntegerField()
    file_hash = TextField(index=True)
    kind = TextField(null=True)
    title = TextField(null=True, index=True)
    year = IntegerField(null=True)
    season = TextField(null=True)
    episode = TextField(null=True)
    container = TextField(null=True)
    duration_ms = IntegerField(null=True)
    width = IntegerField(null=True)
    height = IntegerField(null=True)
    codec_video = TextField(null=True)
    codec_audio = TextField(null=True)

    class Meta:
        database = database


def main() -> None:
    library, path = sys.argv[1:]
    database.init(path, pragmas={"journal_mode": "wal", "synchronous": "full"})
    database.create_tables([PlainFile])
    seconds: dict[str, float] = defaultdict(float)
    with database.atomic():
        for directory, _, names in os.walk(library):
            for name in names:
                _take(os.path.join(directory, name), seconds)
    print(json.dumps(seconds))


def _take(path: str, seconds: dict[str, float]) -> None:
    marks = [time.perf_counter()]
    said = guessit.guessit(os.path.basename(path))
    marks.append(time.perf_counter())
    facts = _facts(path)
    marks.append(time.perf_counter())
    digest = _hash(path)
    marks.append(time.perf_counter())
    status = os.stat(path)
    PlainFile.create(
        path=path,
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        file_hash=digest,
        kind=said.get("type"),
        title=str(said.get("title")),
        year=said.get("year"),
        season=str(said.get("season")),
        episode=str(said.get("episode")),
        **facts,
    )
    marks.append(time.perf_counter())
    for part, start, end in zip(("guessit", "MediaInfo", "xxhash", "peewee"), marks, marks[1:], strict=False):
        seconds[part] += end - start


def _facts(path: str) -> dict[str, object]:
    tracks = pymediainfo.MediaInfo.parse(path)
    if isinstance(tracks, str):
        raise TypeError("MediaInfo.parse gives an object unless text is asked for")
    general, video, audio = tracks.general_tracks, tracks.video_tracks, tracks.audio_tracks
    return {
        "container": general[0].format if general else None,
        "duration_ms": general[0].duration if general else None,
        "width": video[0].width if video else None,
        "height": video[0].height if video else None,
        "codec_video": video[0].format if video else None,
        "codec_audio": audio[0].format if audio else None,
    }


def _hash(path: str) -> str:
    digest = xxhash.xxh3_128()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


if __name__ == "__main__":
    main()
