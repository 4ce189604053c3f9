"""What a stamp says of a file."""

import os
from dataclasses import fields, replace
from pathlib import Path

import pytest

from reeld.domain.files import FileStamp

_COMPARED = [field.name for field in fields(FileStamp) if field.compare]


@pytest.mark.parametrize("name", _COMPARED)
def test_a_stamp_is_that_of_a_status_only_if_each_part_is_equal(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.mkv"
    path.touch()
    status = os.stat(path)
    stamp = FileStamp.of(status)
    assert stamp.is_that_of(status)
    assert not replace(stamp, **{name: getattr(stamp, name) + 1}).is_that_of(status)


def test_a_new_name_of_the_file_is_seen_by_its_ctime_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    path.touch()
    status = os.stat(path)
    assert replace(FileStamp.of(status), links=7).is_that_of(status)
