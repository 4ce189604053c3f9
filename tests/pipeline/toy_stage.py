"""A stage that tests add to the table and to nothing else, but for its migration and the fields of its columns.

It is what CONTRIBUTING.md's "Add a stage" makes: two columns, one of them JSON, from the file's bytes and from what the
probe found. It finds nothing in a file that is no video.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import xxhash
from peewee import IntegerField, JSONField

from reeld.catalog.models import StageColumns, VideoFile
from reeld.content.opening import open_video, require_expected
from reeld.database.migrate import Migration, all_migrations
from reeld.database.statements import update_row
from reeld.domain.records import FileRecord
from reeld.pipeline import stages
from reeld.pipeline.context import StageContext
from reeld.pipeline.stages import Stage

MIGRATION = (
    "ALTER TABLE video_files ADD COLUMN toy_seconds INTEGER;\nALTER TABLE video_files ADD COLUMN toy_marks TEXT;\n"
)


@dataclass(frozen=True, slots=True)
class Toy:
    """What the stage finds; None in a file that is no video."""

    seconds: int | None = None
    marks: list[str] | None = None


def run(record: FileRecord, _context: StageContext) -> Toy:
    """Read every byte, so that each change of them shows."""
    if record.duration_ms is None:
        return Toy()
    with open_video(record.absolute_path) as descriptor, open(descriptor, "rb", closefd=False) as file:
        require_expected(record.absolute_path, descriptor, record.stamp)
        return Toy(record.duration_ms // 1000, ["toy", xxhash.xxh3_64_hexdigest(file.read())])


def save(video_file_id: int, found: Toy, _now_ms: int) -> None:
    update_row(VideoFile, video_file_id, toy_seconds=found.seconds, toy_marks=found.marks)


TOY = Stage(
    name="toy",
    lane="light",
    run=run,
    save=save,
    columns=("toy_seconds", "toy_marks"),
    needs=("probe",),
    reads_file=True,
)


def with_toy(table: Sequence[Stage]) -> Sequence[Stage]:
    """The table with the toy stage behind the probe."""
    at = [stage.name for stage in table].index("probe") + 1
    return (*table[:at], TOY, *table[at:])


@contextmanager
def installed() -> Iterator[None]:
    """Add the stage, its migration and its fields to the running program."""
    newest = all_migrations()
    migrations = [*newest, Migration(newest[-1].version + 1, "9999_toy.sql", MIGRATION)]
    for model in (StageColumns, VideoFile):
        model._meta.add_field("toy_seconds", IntegerField(null=True))
        model._meta.add_field("toy_marks", JSONField(null=True))
    try:
        with (
            patch("reeld.database.migrate.all_migrations", lambda: migrations),
            patch.object(stages, "STAGES", with_toy(stages.STAGES)),
        ):
            yield
    finally:
        for model in (StageColumns, VideoFile):
            for name in TOY.columns:
                model._meta.remove_field(name)
