"""Measures how soon after its writer closes it a file is identified by a running daemon.

The quiet period is subtracted. Everything else counts: the event, the scan of the folder, three
stages, their commits, and up to a millisecond until this benchmark, another reader, sees the row.
The first file, which starts the child processes, has a line of its own and is in neither
percentile.
"""

import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import guessit
import pymediainfo
import xxhash

from bench.material import catalogued, real_content
from bench.measure import Goal, Line, percentile
from bench.names import arriving_paths
from bench.world import World, copy_catalog, reading, running_daemon, write_config

QUIET_S = 1.0
POLL_S = 0.001
PATIENCE_S = 60.0

Seen = tuple[str, float]


def run(world: World) -> Iterator[Line]:
    stock = catalogued(world, world.sizes.catalogued)
    arriving = arriving_paths(world.sizes.new_files + 1, list(stock.library.paths))
    contents = {path: real_content(1_000_000 + number, path) for number, path in enumerate(arriving)}
    with world.corner("latency") as corner:
        database = copy_catalog(stock.database, corner)
        config = write_config(corner, stock.library.root, quiet_s=QUIET_S)
        try:
            with running_daemon(config, database) as daemon:
                daemon.wait_until_resting()
                (first,) = _measure(stock.library.root, database, dict([contents.popitem()]), 1.0)
                latencies = _measure(stock.library.root, database, contents, world.sizes.arrivals_per_s)
            bare_ms = _bare_ms(stock.library.root, arriving)
        finally:
            _remove(stock.library.root, arriving)
    yield Line(what="close to row, the first file after the daemon's start", figure=1000 * first, unit="ms")
    what = f"close to row, {world.sizes.arrivals_per_s:g} files/s, {world.sizes.catalogued:,} files catalogued"
    for name, share, limit in (("p50", 0.50, 15), ("p99", 0.99, 35)):
        yield Line(
            what=f"{what}, {name}",
            figure=1000 * percentile(latencies, share),
            unit="ms",
            yardstick="bare calls on one such file",
            yardstick_figure=bare_ms,
            goal=Goal(sense="<=", limit=limit, of="figure"),
        )


def _measure(root: Path, database: Path, contents: dict[str, bytes], files_per_s: float) -> list[float]:
    seen: queue.SimpleQueue[Seen] = queue.SimpleQueue()
    ended = threading.Event()
    watcher = threading.Thread(target=_watch_rows, args=(database, seen, ended))
    watcher.start()
    try:
        closed = _write_all(root, contents, files_per_s)
        latencies = []
        for _ in contents:
            path, at = seen.get(timeout=PATIENCE_S)
            latencies.append(at - closed[path] - QUIET_S)
    except queue.Empty:
        raise TimeoutError(f"after {PATIENCE_S:g} s files were still not identified") from None
    finally:
        ended.set()
        watcher.join()
    return latencies


def _write_all(root: Path, contents: dict[str, bytes], files_per_s: float) -> dict[str, float]:
    """When each file was closed, by path."""
    closed: dict[str, float] = {}
    started = time.monotonic()
    for number, (relative, content) in enumerate(contents.items()):
        time.sleep(max(0.0, started + number / files_per_s - time.monotonic()))
        path = root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        closed[relative] = time.monotonic()
    return closed


def _watch_rows(database: Path, seen: "queue.SimpleQueue[Seen]", ended: threading.Event) -> None:
    with reading(database) as connection:
        (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM video_files").fetchone()
        told: set[str] = set()
        version = -1
        while not ended.wait(POLL_S):
            (current,) = connection.execute("PRAGMA data_version").fetchone()
            if current == version:
                continue
            version = current
            rows = connection.execute(
                "SELECT path FROM video_files WHERE id > ? AND verdict IS NOT NULL", (last,)
            ).fetchall()
            at = time.monotonic()
            for (path,) in rows:
                if path not in told:
                    told.add(path)
                    seen.put((path, at))


def _bare_ms(root: Path, relatives: list[str]) -> float:
    """Time the libraries alone (guessit, MediaInfo's headers, xxhash) on one such file, when warm."""
    guessit.guessit("Warm.Up.S01E01.mkv")
    spent = []
    for relative in relatives[:100]:
        path = root / relative
        started = time.perf_counter()
        guessit.guessit(path.name)
        pymediainfo.MediaInfo.parse(path, parse_speed=0)
        xxhash.xxh3_64(path.read_bytes()).hexdigest()
        spent.append(time.perf_counter() - started)
    return 1000 * percentile(spent, 0.5)


def _remove(root: Path, relatives: list[str]) -> None:
    for relative in relatives:
        (root / relative).unlink(missing_ok=True)
    for folder in {(root / relative).parent for relative in relatives if relative.startswith("Arrivals/")}:
        if folder.exists():
            folder.rmdir()
