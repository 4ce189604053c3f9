"""Builds SQL conditions for the rows at or below a folder."""

import os
from typing import Any

from peewee import Value

from reeld.catalog.models import Sidecar, VideoFile


def files_inside(library_id: int, folder: str) -> Any:
    """Match the files of a library at or below a folder; "" is the whole library."""
    of_library = VideoFile.library == library_id
    return of_library & is_inside(folder) if folder else of_library


def sidecars_inside(library_id: int, folder: str) -> Any:
    """Match the sidecars of a library at or below a folder; "" is the whole library."""
    of_library = Sidecar.library == library_id
    return of_library & is_inside(folder, Sidecar) if folder else of_library


def is_inside(folder: str, model: type[VideoFile] | type[Sidecar] = VideoFile) -> Any:
    """Match rows whose folder is this one or lies below it."""
    # Everything from "a/" to "a0" begins with "a/". Once for names that are text, and once for
    # raw bytes: SQLite sorts every BLOB after every text.
    field, raw = model.directory, os.fsencode(folder)
    as_text = (field >= f"{folder}/") & (field < f"{folder}0")
    as_bytes = (field >= Value(raw + b"/", converter=False)) & (field < Value(raw + b"0", converter=False))
    return (field == folder) | as_text | as_bytes
