"""Every row of the table of sidecars is read as it says."""

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from reeld.domain.sidecars import SIDECAR_SUFFIXES, SidecarName
from reeld.identify.names import is_video
from reeld.identify.sidecar_names import Videos, pack_around, read_folder, sidecars_among

TABLE = Path(__file__).parents[1] / "corpus" / "sidecars" / "names.toml"
TREES: list[dict[str, Any]] = tomllib.loads(TABLE.read_text("utf-8"))["tree"]


def read_tree(paths: list[str]) -> dict[str, SidecarName]:
    """What the sidecars of a library are, by path, given the paths of all its files."""
    by_folder: dict[str, list[str]] = {}
    for path in paths:
        by_folder.setdefault(os.path.dirname(path), []).append(os.path.basename(path))

    def videos_of(directory: str) -> Videos:
        names = tuple(name for name in by_folder.get(directory, ()) if is_video(name) and not name.startswith("."))
        return Videos(directory=directory, names=names)

    found: dict[str, SidecarName] = {}
    for directory, names in by_folder.items():
        own, around = videos_of(directory), pack_around(directory)
        candidates = [name for name in names if name.rpartition(".")[2].lower() in SIDECAR_SUFFIXES and name[0] != "."]
        chosen = sidecars_among(candidates, own.names)
        read = read_folder(chosen, own, None if around is None else videos_of(around))
        found |= {os.path.join(directory, name): each for name, each in read.items()}
    return found


def spelled(read: SidecarName | None) -> str:
    """The reading as the table writes it."""
    if read is None:
        return ""
    flags = (("forced", read.is_forced), ("sdh", read.is_sdh), ("default", read.is_default))
    parts = [read.kind, read.language, *(word for word, is_said in flags if is_said)]
    parts.append(f'"{read.title}"' if read.title else None)
    return f"{' '.join(part for part in parts if part)} -> {read.video or read.owner}"


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: str(tree["source"]))
def test_each_sidecar_of_the_table_is_read_as_it_says(tree: dict[str, Any]) -> None:
    read = read_tree([*tree["videos"], *tree["sidecars"]])
    assert {path: spelled(read.get(path)) for path in tree["sidecars"]} == tree["sidecars"]
