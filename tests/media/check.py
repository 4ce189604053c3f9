"""Makes videos with the tools that are installed, probes each, and prints which are read rightly: `make media`.

A kind whose tool is missing is skipped. A fact that is missing counts as null if a problem says so, else as wrong.
Ends with 1 if one is wrong.
"""

import importlib
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from reeld.content.readings import Readings
from reeld.domain.content import MediaFacts
from reeld.domain.files import FileStamp
from reeld.sandbox import Limits
from reeld.service.worker_pool import WorkerPool
from tests.content.reading import probe
from tests.media.recipes import KINDS, SOURCES, Facts, Kind

_TIMEOUT_S = 60

_QUIET = {"ffmpeg": ("-nostdin", "-v", "error", "-y"), "mkvmerge": ("-q",)}
_WARNED = {"mkvmerge": 1}
"""The exit code with which a tool says that it only warned."""


def main(names: Sequence[str]) -> int:
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for source in SOURCES:
            _make(source, folder)
        readings = Readings()
        pool = WorkerPool("reeld.content.probe_child", 1, Limits())
        try:
            for kind in KINDS:
                if not names or kind.name in names:
                    verdict, detail = _judge(kind, folder, pool, readings)
                    counts[verdict] += 1
                    _say(f"{verdict:8} {kind.name}{detail}")
        finally:
            pool.close()
    _say(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    _say(f"{readings.read.own} read by reeld itself, {readings.read.prober} by the prober")
    return 1 if counts["wrong"] or not counts["right"] else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _judge(kind: Kind, folder: Path, pool: WorkerPool, readings: Readings) -> tuple[str, str]:
    if problem := _make(kind, folder):
        return "skipped", f": {problem}"
    path = folder / kind.name
    found = probe(
        str(path),
        FileStamp.of(path.stat()),
        lambda request, files: pool.call(request, files, timeout_s=_TIMEOUT_S),
        readings,
    )
    differences = list(_differences(found, kind.facts))
    if not differences:
        return "right", ""
    is_null = found.problem is not None and all(value in (None, ()) for _, value, _ in differences)
    told = "; ".join(f"{name} is {value}, not {wanted}" for name, value, wanted in differences)
    return "null" if is_null else "wrong", f": {told} ({found.problem})"


def _differences(found: MediaFacts, facts: Facts) -> Iterator[tuple[str, object, object]]:
    """Yield the name of each fact that differs, what it is, and what it must be."""
    size = (found.width, found.height) if found.width else None
    for name, value, wanted in (
        ("container", found.container, facts.container),
        ("size", size, facts.size),
        ("video", found.codec_video, facts.video),
        ("audio", found.codec_audio, facts.audio),
        ("languages", found.languages, facts.languages),
        ("subtitles", found.subtitle_languages, facts.subtitles),
        ("hdr", found.hdr, facts.hdr),
        ("hdr_fallback", found.hdr_fallback, facts.fallback),
    ):
        if value != wanted:
            yield name, value, wanted
    duration, wanted_ms = found.duration_ms, facts.duration_ms
    is_near = duration == wanted_ms or (
        duration is not None and wanted_ms is not None and abs(duration - wanted_ms) <= facts.tolerance_ms
    )
    if not is_near:
        yield "duration_ms", duration, wanted_ms
    if not (found.problem or "").startswith(facts.problem or "") or (found.problem and not facts.problem):
        yield "problem", found.problem, facts.problem


def _make(kind: Kind, folder: Path) -> str | None:
    """Run the commands of the kind; say why it could not be made, or return None."""
    target = folder / kind.name
    for number, command in enumerate(kind.commands, 1):
        words = shlex.split(command)
        program = _program(words[0])
        if program is None:
            return f"{words[0]} is not installed"
        quiet = _QUIET.get(words[0].rstrip("9"), ())
        try:
            done = subprocess.run(
                [program, *quiet, *words[1:]], cwd=folder, capture_output=True, timeout=_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"{words[0]} took longer than {_TIMEOUT_S} s"
        if done.returncode not in (0, _WARNED.get(words[0])):
            return f"{words[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-200:].strip()}"
        if number == len(kind.commands) and done.stdout and not target.exists():
            target.write_bytes(done.stdout)
    return None if target.exists() and target.stat().st_size else f"{kind.commands[-1].split()[0]} wrote nothing"


def _program(name: str) -> str | None:
    """Return the path of a tool. `ffmpeg9` is the newer ffmpeg of the package imageio-ffmpeg, where there is one."""
    if name != "ffmpeg9":
        return shutil.which(name)
    try:
        return str(importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe())
    except ImportError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
