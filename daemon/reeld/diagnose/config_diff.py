"""Reports what another configuration would change in the catalogue. It opens no video.

Known files are judged by the new rules, by path and size. New files are found by listing the folders of each library
that is new, moved, or has other rules. Changed identities are found by reading the names under both kinds. A library
in another folder is judged as the daemon would judge it: the user may have to confirm the folder first.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from reeld.catalog import libraries, overview, views
from reeld.catalog.views import KnownName
from reeld.config import Config, Library
from reeld.diagnose.identify_batch import identify_in_parallel
from reeld.domain.amounts import number_of
from reeld.domain.files import readable
from reeld.domain.identity import Accepted, Clues, LibraryKind, Uncertain, Verdict
from reeld.domain.records import Place
from reeld.domain.states import DecidedBy, FileVerdict
from reeld.scanner.library_scanner import rules_of
from reeld.scanner.moved_files import ContentKey, content_key
from reeld.scanner.root_check import Root
from reeld.service.timeouts import in_time, was_silent
from reeld.watch.rules import Rules
from reeld.watch.walk import Listing, RootSeen, SeenFile, check_root, walk

# A disk that slept needs up to 15 s to spin up.
LONGEST_ANSWER_S = 30.0

# The settings of a library that decide which of its files count.
_RULES = ("extensions", "minimum_size_bytes", "ignore")
# Settings whose change has a word of its own, so that it is not reported as "setting".
_REPORTED_SEPARATELY = frozenset({"name", "path", "kind"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. Scripts may rely on the words of `what`."""

    what: str
    """setting, library added, library removed, library renamed, library moved, library unverified, not scanned, newly
    seen, known again, newly ignored, not there, or identity."""
    library: str | None = None
    path: str | None = None
    """A file's path relative to its library, a library's folder, or a setting's key."""
    before: Any = None
    after: Any = None
    """A setting's values, or for an identity dicts with `verdict` and, if accepted, the reading's keys."""
    message: str


def changes(before: Config | None, after: Config) -> Iterator[Change]:
    """Yield all differences under `after`. `before` is None if the present configuration cannot be read.

    The catalogue must be open. A library that does not answer is named, without its files.
    """
    if before is not None:
        yield from _settings(before, after)
    names = [library.name for library in after.libraries]
    kept = set()
    for library in after.libraries:
        known = libraries.known_as(library, names)
        kept.add(known.id if known else None)
        was = _configured_before(before, known.name if known else library.name)
        yield from _of_library(library, known, was, after)
    for row in overview.libraries():
        if row["id"] not in kept and row["state"] != "removed":
            stay = f"its {number_of(row['files'], 'file')} {'stays' if row['files'] == 1 else 'stay'} known"
            message = f"{stay}, and reeld no longer follows changes there"
            yield Change(what="library removed", library=row["name"], path=row["path"], message=message)


def _configured_before(before: Config | None, name: str) -> Library | None:
    return next((library for library in before.libraries if library.name == name), None) if before else None


# --- settings --------------------------------------------------------------------------------------------


def _settings(before: Config, after: Config) -> Iterator[Change]:
    for section in fields(Config):
        was, will_be = getattr(before, section.name), getattr(after, section.name)
        if section.name in ("source", "libraries", "only_library") or was == will_be:
            continue
        if section.name == "database_path":
            message = "reeld would use another catalogue; restart it for that, since a reload refuses it"
            yield Change(what="setting", path=section.name, before=was, after=will_be, message=message)
        elif isinstance(was, int):
            yield _setting(None, section.name, was, will_be)
        else:
            yield from _other_values(None, f"{section.name}.", asdict(was), asdict(will_be))


def _other_values(
    library: str | None, where: str, was: Mapping[str, Any], will_be: Mapping[str, Any]
) -> Iterator[Change]:
    for key, value in will_be.items():
        if was[key] != value:
            yield _setting(library, where + key, was[key], value)


def _setting(library: str | None, key: str, was: Any, will_be: Any) -> Change:
    return Change(
        what="setting",
        library=library,
        path=key,
        before=was,
        after=will_be,
        message=f"{_shown(was)} -> {_shown(will_be)}",
    )


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


# --- one library -----------------------------------------------------------------------------------------


def _of_library(
    library: Library, known: libraries.Known | None, was: Library | None, after: Config
) -> Iterator[Change]:
    yield from _as_a_whole(library, known)
    if was is not None:
        own = {key: value for key, value in asdict(library).items() if key not in _REPORTED_SEPARATELY}
        yield from _other_values(library.name, "library.", asdict(was), own)
    files = {name.path: name for name in views.known_names(known.id)} if known else {}
    has_moved = known is None or known.path != library.path
    has_other_rules = was is None or any(getattr(was, key) != getattr(library, key) for key in _RULES)
    if has_moved or has_other_rules:
        old_rules = None if has_moved or was is None else rules_of(was)
        yield from _of_files(library, known, files, old_rules, has_moved=has_moved)
    if known is not None and known.kind != library.kind:
        yield from _identities(library, known, list(files.values()), after)


def _as_a_whole(library: Library, known: libraries.Known | None) -> Iterator[Change]:
    place = readable(library.path)
    if known is None:
        yield Change(what="library added", library=library.name, path=library.path, message=f"{place} will be watched")
        return
    if known.name != library.name:
        message = f"it was called {readable(known.name)}; reeld keeps everything that it knows about its files"
        yield Change(
            what="library renamed", library=library.name, before=known.name, after=library.name, message=message
        )
    if known.path != library.path:
        message = f"from {readable(known.path)} to {place}; reeld keeps everything that it knows about its files"
        yield Change(what="library moved", library=library.name, before=known.path, after=library.path, message=message)
    elif known.state == "removed":
        message = f"{place} will be watched again; what reeld knew about its files counts again"
        yield Change(what="library added", library=library.name, path=library.path, message=message)


def _of_files(
    library: Library,
    known: libraries.Known | None,
    files: Mapping[str, KnownName],
    old_rules: Rules | None,
    *,
    has_moved: bool,
) -> Iterator[Change]:
    """Report what would become of its files. `old_rules` are those of the files that are known there."""
    is_dead = was_silent(library.path)  # when its links were resolved
    root = None if is_dead else in_time(lambda: check_root(library.path), LONGEST_ANSWER_S)
    if not isinstance(root, RootSeen):
        yield from _newly_ignored(library, files.values())
        why = root or f"{readable(library.path)} does not answer"
        message = f"{why}; new files there are unknown"
        yield Change(what="not scanned", library=library.name, path=library.path, message=message)
        return
    doubt = Root(place=Place(known.id, library.path)).dry_run(root) if known is not None else None
    if doubt is not None:
        message = f"{doubt.reason}; until then none of the changes below takes place"
        yield Change(what="library unverified", library=library.name, path=library.path, message=message)
    if has_moved or doubt is not None:
        yield from _in_another_place(library, files, root)
    else:
        yield from _newly_ignored(library, files.values())
        yield from _newly_seen(library, files, old_rules, root)


def _newly_ignored(library: Library, files: Iterable[KnownName]) -> Iterator[Change]:
    rules = rules_of(library)
    for file in files:
        if file.is_present and file.decided_by not in (DecidedBy.RULES, DecidedBy.USER):
            why = _why_not(rules, file.path, file.stamp.size_bytes)
            if why is not None:
                yield Change(what="newly ignored", library=library.name, path=file.path, message=why)


def _why_not(rules: Rules, path: str, size_bytes: int) -> str | None:
    directory, name = os.path.split(path)
    if (why := rules.why_skip_directory(directory)) is not None:
        return why
    return rules.why_ignore_file(path, size_bytes) if rules.is_video_name(name) else rules.why_other_ending(name)


def _newly_seen(
    library: Library, files: Mapping[str, KnownName], old_rules: Rules | None, root: RootSeen
) -> Iterator[Change]:
    """Report the files that a scan under the new rules would find and that it does not find now."""
    rules = rules_of(library)
    for found in walk(library.path, "", rules, seen=root):
        for seen in found.files if isinstance(found, Listing) else ():
            size_bytes = seen.status.st_size
            is_taken = old_rules is not None and _why_not(old_rules, seen.relative, size_bytes) is None
            known = files.get(seen.relative)
            is_known = known is not None and known.decided_by != DecidedBy.RULES
            if not is_taken and not is_known and rules.why_ignore_file(seen.relative, size_bytes) is None:
                yield _new(library, seen, known)


def _in_another_place(library: Library, files: Mapping[str, KnownName], root: RootSeen) -> Iterator[Change]:
    """Report the files that would be new, known again, ignored or not there in another folder.

    The same files may have other paths there, for example if the new folder is the parent of the known one.
    """
    rules = rules_of(library)
    by_content = _by_content(files.values())
    placed, moved, is_whole = set[str](), 0, True
    for found in walk(library.path, "", rules, seen=root):
        if not isinstance(found, Listing):
            is_whole = False
            continue
        for seen in found.files:
            if rules.why_ignore_file(seen.relative, seen.status.st_size) is not None:
                continue
            known = files.get(seen.relative)
            alike = by_content.get(content_key(seen.stamp), []) if known is None else []
            left = (file for file in alike if file.path not in placed and _has_left(library, file))
            if (was := next(left, None)) is not None:
                placed.add(was.path)
                moved += 1
            elif known is None or known.decided_by == "rules":
                yield _new(library, seen, known)
            else:
                placed.add(seen.relative)
    if moved:
        message = f"{moved} files have other paths there; they keep their numbers, and only their names are read again"
        yield Change(what="known again", library=library.name, path=library.path, message=message)
    unplaced = [file for file in files.values() if file.is_present and file.path not in placed]
    there = {file.path for file in unplaced if os.path.lexists(os.path.join(library.path, file.path))}
    yield from _newly_ignored(library, [file for file in unplaced if file.path in there])
    if is_whole:
        yield from _not_there(library, [file for file in unplaced if file.path not in there])


def _by_content(files: Iterable[KnownName]) -> Mapping[ContentKey, list[KnownName]]:
    """Group the files that were read by their content. Of hard links the present ones come first."""
    found = defaultdict[ContentKey, list[KnownName]](list)
    for file in sorted(files, key=lambda file: not file.is_present):
        if file.decided_by != "rules":
            found[content_key(file.stamp)].append(file)
    return found


def _new(library: Library, seen: SeenFile, known: KnownName | None) -> Change:
    message = "it was ignored so far" if known else "it is not known yet"
    return Change(what="newly seen", library=library.name, path=seen.relative, message=message)


def _not_there(library: Library, files: Iterable[KnownName]) -> Iterator[Change]:
    for file in files:
        if file.decided_by != "rules":
            message = "it is known, but is not there"
            yield Change(what="not there", library=library.name, path=file.path, message=message)


def _has_left(library: Library, file: KnownName) -> bool:
    """Tell whether its path now holds another file or none. Otherwise the file found is a new hard link."""
    try:
        return os.lstat(os.path.join(library.path, file.path)).st_ino != file.stamp.inode
    except OSError:
        return True


# --- identities ------------------------------------------------------------------------------------------


def _identities(
    library: Library, known: libraries.Known, files: Sequence[KnownName], config: Config
) -> Iterator[Change]:
    """Compare what the names say under both kinds. The user's decisions stand, and excluded files have no identity."""
    message = f"{known.kind} -> {library.kind}: its files are identified again, except those that you decided"
    yield Change(
        what="setting",
        library=library.name,
        path="library.kind",
        before=known.kind,
        after=library.kind,
        message=message,
    )
    rules = rules_of(library)
    present = [file for file in files if file.is_present]
    folders = defaultdict[str, list[str]](list)
    for file in present:
        folders[os.path.dirname(file.path)].append(os.path.basename(file.path))
    asked = [
        file
        for file in present
        if file.decided_by not in (DecidedBy.RULES, DecidedBy.USER)
        and _why_not(rules, file.path, file.stamp.size_bytes) is None
    ]

    def read(kind: LibraryKind) -> Iterator[tuple[Clues, Verdict]]:
        return identify_in_parallel((_clues(file.path, kind, folders) for file in asked), config)

    for (clues, was), (_, will_be) in zip(read(known.kind), read(library.kind), strict=True):
        before, after = _as_values(was), _as_values(will_be)
        if before != after:
            yield Change(
                what="identity", library=library.name, path=clues.path, before=before, after=after,
                message="from its name alone",
            )  # fmt: skip


def _clues(path: str, kind: LibraryKind, folders: Mapping[str, Sequence[str]]) -> Clues:
    directory, name = os.path.split(path)
    return Clues(path=path, library_kind=kind, siblings=tuple(each for each in folders[directory] if each != name))


def _as_values(verdict: Verdict) -> dict[str, Any]:
    if not isinstance(verdict, Accepted):
        return {"verdict": FileVerdict.PENDING if isinstance(verdict, Uncertain) else FileVerdict.IGNORED}
    reading = asdict(verdict.reading)
    return {
        "verdict": FileVerdict.ACCEPTED,
        **{key: value for key, value in reading.items() if key not in ("score", "evidence")},
    }
