"""`identify`: what reeld makes of names alone. It touches neither the disk nor the catalogue."""

import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from reeld.cli.options import AsJson, ConfigFile, config_of
from reeld.cli.output import Row
from reeld.cli.queries import plain_shape
from reeld.cli.tables import Column, print_rows
from reeld.cli.words import work_name
from reeld.config import Config
from reeld.diagnose.identify_batch import identify_in_parallel
from reeld.domain.facts import reading_row
from reeld.domain.identity import Accepted, Clues, Ignored, Reading, Uncertain, Verdict
from reeld.domain.states import FileVerdict
from reeld.watch.rules import Rules

_COLUMNS: list[Column] = [
    ("Verdict", lambda row: row["verdict"]),
    ("Kind", lambda row: row["kind"]),
    ("What", lambda row: work_name(row) if row["kind"] else None),
    ("Sure", lambda row: None if row["confidence"] is None else f"{row['confidence']:.2f}"),
    ("Path", lambda row: row["path"]),
    ("Why", lambda row: "; ".join(row["evidence"])),
]


def identify(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...|-", help="Paths; - reads them from stdin, one a line.")
    ],
    together: Annotated[
        bool, typer.Option("--together", help="Count the names of one folder as siblings of each other.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what reeld makes of names alone: the verdict, the confidence, and the evidence. No file need exist."""
    settings = config_of(config)
    names = _given(paths)
    clues = _with_siblings(names) if together else (Clues(path=name) for name in names)
    print_rows(_rows(clues, settings), _COLUMNS, shape=plain_shape(as_json), nothing="no names were given")


def _given(paths: list[str]) -> Iterator[str]:
    for path in paths:
        if path == "-":
            yield from (os.fsdecode(line.rstrip(b"\r\n")) for line in sys.stdin.buffer if line.strip())
        else:
            yield path


def _with_siblings(names: Iterable[str]) -> Iterator[Clues]:
    every = list(names)
    folders: dict[str, list[str]] = defaultdict(list)
    for path in every:
        folders[os.path.dirname(path)].append(os.path.basename(path))
    for path in every:
        siblings = (name for name in folders[os.path.dirname(path)] if name != os.path.basename(path))
        yield Clues(path=path, siblings=tuple(siblings))


def _rows(clues: Iterable[Clues], settings: Config) -> Iterator[Row]:
    rules = Rules(extensions=frozenset(settings.libraries[0].extensions if settings.libraries else ()))
    for item, verdict in identify_in_parallel(clues, settings):
        skipped = _why_skipped(rules, item.path)
        yield _row(item.path, verdict if skipped is None else Ignored(reason=skipped))


def _why_skipped(rules: Rules, path: str) -> str | None:
    relative = path.lstrip("/")
    return rules.why_skip_directory(os.path.dirname(relative)) or rules.why_ignore_file(relative, sys.maxsize)


def _row(path: str, verdict: Verdict) -> Row:
    match verdict:
        case Accepted(reading=reading):
            return _of_reading(path, FileVerdict.ACCEPTED, reading, reading.evidence)
        case Uncertain(reason=reason, candidates=candidates):
            best = candidates[0] if candidates else None
            return _of_reading(path, FileVerdict.PENDING, best, (reason, *(best.evidence if best else ())))
        case Ignored(reason=reason, evidence=evidence):
            return _of_reading(path, FileVerdict.IGNORED, None, (reason, *evidence))


def _of_reading(path: str, verdict: str, reading: Reading | None, evidence: tuple[str, ...]) -> Row:
    facts = reading_row(None if reading is None else asdict(reading))
    return {"path": path, "verdict": verdict, **facts, "evidence": list(evidence)}
