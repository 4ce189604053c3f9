"""Makes a catalogue by hand, and asks it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from reeld.catalog.models import Episode, EpisodeFile, Library, Movie, Series, Sidecar, VideoFile
from reeld.database.connection import writing
from reeld.domain.states import LibraryState
from reeld.domain.titles import title_key
from reeld.query.ask import understand
from reeld.query.find import find_files
from reeld.query.search_index import fill_index

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
GIB = 1 << 30


class Shelf:
    """A catalogue of files that are made by hand, with names for their ids."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        with writing():
            self.libraries = {
                name: Library.create(name=name, path=f"/disks/{name}", state=LibraryState.ONLINE)
                for name in ("Films", "My Series")
            }

    def film(self, title: str, year: int | None = 2000, name: str = "", **facts: Any) -> int:
        with writing():
            movie, _ = Movie.get_or_create(
                title_key=title_key(title),
                year=year,
                defaults={"title": title, "created_at": NOW, "updated_at": NOW, "tmdb_id": facts.pop("tmdb_id", None)},
            )
            return self.file(name or title, kind="movie", movie=movie, **facts)

    def episode(self, series: str, season: int, number: int, title: str | None = None, **facts: Any) -> int:
        moments = {"created_at": NOW, "updated_at": NOW}
        with writing():
            show, _ = Series.get_or_create(
                title_key=title_key(series), defaults={"title": series, "year": 2010, **moments}
            )
            one, _ = Episode.get_or_create(
                series=show, season_number=season, episode_number=number, defaults={"title": title, **moments}
            )
            file_id = self.file(
                f"{series} {season}x{number}", kind="episode", library=self.libraries["My Series"], **facts
            )
            EpisodeFile.create(episode=one, video_file=file_id)
            return file_id

    def file(self, name: str, **facts: Any) -> int:
        """Make a file from a film's plain facts; those that are given are changed."""
        number = len(self.names) + 1
        with writing():
            row = VideoFile.create(
                **{
                    "library": self.libraries["Films"],
                    "path": f"folder/{name}-{number}.mkv",
                    "directory": "folder",
                    "filename": f"{name}-{number}.mkv",
                    "size_bytes": GIB,
                    "mtime_ns": 1,
                    "ctime_ns": 1,
                    "inode": 100 + number,
                    "device": 7,
                    "links": 1,
                    "first_seen_at": NOW - timedelta(days=100),
                    "changed_at": NOW - timedelta(days=100),
                    "verdict": "accepted",
                    "container": "matroska",
                    "duration_ms": 6_000_000,
                    "resolution_width": 1920,
                    "resolution_height": 1080,
                    "codec_video": "h264",
                    "codec_audio": "aac",
                    **facts,
                }
            )
        self.names[row.id] = name
        return int(row.id)

    def beside(self, file_id: int, kind: str, **facts: Any) -> None:
        """Put a sidecar beside a file."""
        with writing():
            video = VideoFile.get_by_id(file_id)
            name = f"{video.filename}.{kind}-{facts.get('language')}"
            place = {"library": video.library, "path": f"folder/{name}", "directory": "folder", "filename": name}
            said = {
                "kind": kind,
                "owner": "video",
                "video_path": video.path,
                "size_bytes": 1,
                "mtime_ns": 1,
                "clues": 0,
            }
            Sidecar.create(**place, **said, **facts)

    def find(self, query: str, **saved: str) -> list[str]:
        fill_index(lambda: True)
        return [self.names[file_id] for file_id in find_files(understand(query, saved, NOW))]
