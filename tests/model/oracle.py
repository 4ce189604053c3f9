"""Does the catalogue say what is on the disks, and is every decision where it belongs?

Nothing here asks reeld's code: the disk was walked and hashed, the database was read as SQL (`sights.py`), and the rest
is memory.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tests.model.bytes import EMPTY
from tests.model.memory import Decision, Memory
from tests.model.sights import Catalogue, Row, Seen, Sight, Verdicts
from tests.service.harness import ENDINGS

# The catalogue keeps milliseconds, and whoever was at work when the folder was closed may end that first.
_ROUNDING_NS = 2_000_000_000

Place = tuple[str, str]
"""A library's name and a path below its root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that must not be. `kind` is one of those in `expectations.py`."""

    kind: str
    text: str


@dataclass(slots=True)
class Comparison:
    """One look at everything. `differences` says what is wrong; `remember` makes it the past of the next look."""

    sights: Sequence[Sight]
    catalogue: Catalogue
    memory: Memory
    advance_s: float = 0.0
    """By how much the catalogue's clock was moved, at least since the daemon last looked."""
    found: list[Difference] = field(default_factory=list)
    places: dict[str, list[Place]] = field(default_factory=dict)
    """Where each content lies, also where the daemon cannot look."""

    def __post_init__(self) -> None:
        for sight in self.sights:
            for path, seen in (*sight.lit.items(), *sight.dark.items()):
                self.places.setdefault(seen.content, []).append((sight.name, path))

    def differences(self) -> list[Difference]:
        self.found.clear()
        for text in self.catalogue.damage:
            self._say("damage", text)
        self._compare_paths()
        self._compare_unseen()
        self._compare_sidecars()
        self._compare_work()
        self._compare_questions()
        self._compare_owners()
        self._compare_decisions()
        return list(self.found)

    def remember(self) -> None:
        """Which row speaks of which content; only after a look without differences."""
        memory = self.memory
        memory.shared |= {content for content, places in self.places.items() if len(places) > 1}
        for (library, path), seen, row in self._rows_of_lit_files():
            if self._is_claimed_in_the_dark(seen.content, row):
                continue  # the old row finds back to its content once its place can be looked at
            is_new_here = row["changed_at"] != row["first_seen_at"] and seen.content not in memory.owners
            if is_new_here or memory.owners.get(seen.content, row["id"]) != row["id"]:
                memory.reread.add(seen.content)
            memory.last[row["id"]] = (library, path, seen.content)
            memory.owners[seen.content] = row["id"]
            if row["file_hash"] == seen.content and seen.is_readable and not row["is_in_doubt"]:
                memory.away.discard(seen.content)
                memory.refused.discard(seen.content)
        memory.decisions = [self._as_of_now(decision) for decision in memory.decisions]

    def _as_of_now(self, decision: Decision) -> Decision:
        """Whoever is excused for not keeping it with its content once need not find back to it later."""
        strayed = any(
            seen.content == decision.content and not _carries(row, decision)
            for _, seen, row in self._rows_of_lit_files()
        )
        return replace(decision, content=None) if strayed else decision

    def has_its_row(self, content: str) -> bool:
        """Whether the content lies at one place, and its row there is the one that it always had."""
        owner = self.memory.owners.get(content)
        rows = [row["id"] for _, seen, row in self._rows_of_lit_files() if seen.content == content]
        return rows == [owner]

    # --- paths, sizes, hashes ----------------------------------------------------------------------------

    def _compare_paths(self) -> None:
        counts = Counter((row["library_id"], row["path"]) for row in self.catalogue.rows.values())
        for place, count in counts.items():
            if count > 1:
                self._say("twice", f"{place} has {count} rows")
        for sight in self.sights:
            present = {row["path"]: row for row in self.catalogue.present(sight.name) if not sight.is_dark(row["path"])}
            for path in sight.lit.keys() - present.keys():
                self._say("unknown", f"{sight.name}:{path!a} is on the disk and not in the catalogue")
            for path in present.keys() - sight.lit.keys() - sight.hidden.keys():
                self._say("phantom", f"{sight.name}:{path!a} is in the catalogue and not on the disk")
            for path in present.keys() & sight.lit.keys():
                self._compare_file(f"{sight.name}:{path!a}", present[path], sight.lit[path])

    def _compare_file(self, name: str, row: Row, seen: Seen) -> None:
        if row["size_bytes"] != seen.size_bytes:
            self._say("size", f"{name} has {seen.size_bytes} bytes, and {row['size_bytes']} in the catalogue")
        if row["mtime_ns"] != seen.mtime_ns:
            self._say("mtime", f"{name} was changed at {seen.mtime_ns}, and at {row['mtime_ns']} in the catalogue")
        is_known_doubt = row["is_in_doubt"] and not seen.is_readable  # it says itself that its hash must be verified
        if seen.content and row["file_hash"] not in (seen.content, None) and not is_known_doubt:
            kind = "hash_put_back" if seen.content in self.memory.requeue else "hash"
            self._say(kind, f"{name} has not the hash that the catalogue says")
        if not seen.is_readable or row["verdict"] == "ignored":
            return
        kind = "unread_after_refusal" if seen.content in self.memory.refused else "unread"
        if row["file_hash"] is None or row["fingerprint"] is None:
            self._say(kind, f"{name} was not read: {row['reason'] or row['media_problem']}")
        if row["verdict"] is None:
            self._say(kind, f"{name} has no verdict")
        if row["media_problem"] is not None and "could not be read" in row["media_problem"]:
            self._say(kind, f"{name} can be read, and the catalogue says {row['media_problem']!r}")

    def _compare_unseen(self) -> None:
        """Unknown is never absent: a file in a folder that may not be entered is where it was."""
        for row in self.catalogue.rows.values():
            seen = self._sight(row["library"]).dark.get(row["path"])
            if seen is None or row["state"] == "present" or self.memory.last.get(row["id"], ("",))[-1] != seen.content:
                continue
            if self._moment_ns(row["missing_since"]) > seen.dark_since_ns + _ROUNDING_NS:
                self._say("subtracted", f"{row['library']}:{row['path']!a} cannot be looked at, and is called missing")

    def _compare_sidecars(self) -> None:
        """A subtitle that is called after a video, and lies beside it, is that video's."""
        for sight in self.sights:
            lit = [row for row in self.catalogue.sidecars if row["library"] == sight.name]
            rows = {row["path"]: row for row in lit if not sight.is_dark(row["path"])}
            on_disk = sight.sidecars
            for path in rows.keys() ^ on_disk.keys():
                self._say("sidecar", f"{sight.name}:{path!a} is only {'known' if path in rows else 'on the disk'}")
            for path in rows.keys() & on_disk.keys():
                row = rows[path]
                if (row["size_bytes"], row["mtime_ns"]) != on_disk[path]:
                    self._say("sidecar", f"{sight.name}:{path!a} has another size or time in the catalogue")
                videos = [f"{path.removesuffix('.en.srt')}{ending}" for ending in ENDINGS]
                there = [video for video in videos if video in sight.named]
                if len(there) == 1 and row["video_path"] != there[0]:
                    self._say("sidecar", f"{sight.name}:{path!a} is of {there[0]!a}, not {row['video_path']!a}")
                if row["video_path"] is not None and row["video_path"] not in sight.named:
                    self._say("sidecar", f"{sight.name}:{path!a} has a video that is not there: {row['video_path']!a}")

    def _moment_ns(self, moment: str) -> int:
        """By the wall clock."""
        return int((datetime.fromisoformat(moment).timestamp() - self.advance_s) * 1e9)

    # --- work and questions ------------------------------------------------------------------------------

    def _compare_work(self) -> None:
        for file_id, job in self.catalogue.jobs.items():
            row = self.catalogue.rows[file_id]
            sight = self._sight(row["library"])
            seen = sight.lit.get(row["path"]) or sight.hidden.get(row["path"])
            if not sight.is_dark(row["path"]) and (seen is None or seen.is_readable):
                is_refused = seen is not None and seen.content in self.memory.refused and job["state"] == "failed"
                self._say(
                    "job_after_refusal" if is_refused else "job",
                    f"{row['library']}:{row['path']!a} has a job: {job['stage']} {job['state']}",
                )

    def _compare_questions(self) -> None:
        asked = Counter(question["video_file_id"] for question in self.catalogue.questions)
        waiting = {row["id"] for row in self.catalogue.rows.values() if row["verdict"] == "pending"}
        for file_id in asked.keys() - waiting:
            self._say("question", f"a question is open about file {file_id}, which is not pending")
        for file_id in waiting - asked.keys():
            self._say("question", f"file {file_id} is pending, and no question is open about it")
        for file_id, count in asked.items():
            if count > 1:
                self._say("question", f"{count} questions are open about file {file_id}")

    # --- who is who --------------------------------------------------------------------------------------

    def _compare_owners(self) -> None:
        """The same bytes, never copied, under whatever name: the same row."""
        for (library, path), seen, row in self._rows_of_lit_files():
            if not self._is_unique(seen.content):
                continue
            owner, name = self.memory.owners.get(seen.content), f"{library}:{path!a}"
            if owner is None:
                self._compare_new_content(name, (library, path), seen.content, row)
            elif owner != row["id"] and not self._is_known_by_bytes_only(seen.content):
                suffix = self._what_came_between(owner, seen.content, row)
                if suffix is not None:
                    self._say(f"identity{suffix}", f"{name} was file {owner}, and is file {row['id']} now")

    def _is_known_by_bytes_only(self, content: str) -> bool:
        """Whether no inode or no time tells that it is the old one."""
        return content in self.memory.transplanted or content in self.memory.touched

    def _what_came_between(self, owner: int, content: str, row: Row) -> str | None:
        """Of which kind is it that the content has another row now? None if nobody could have known better."""
        if content in self.memory.refused or self._is_believed_in_the_dark(owner):
            return "_after_refusal"
        is_taken = self._is_taken(owner, content)
        if is_taken and content in self.memory.away:
            # While a file was out of sight, another came to its path: so files are replaced, and those that replace
            # them keep the decision by promise.
            return None
        before = self.memory.last.get(row["id"])
        if (before is not None and before[2] != content) or row["changed_at"] != row["first_seen_at"]:
            return "_over"  # this row spoke of other bytes before
        if content in self.memory.reread:
            return "_over"  # and two rows speak of its inode ever since
        return "_taken" if is_taken else ""

    def _compare_new_content(self, name: str, place: Place, content: str, row: Row) -> None:
        """A row that comes to speak of other bytes must have reason to: they lie where the old ones lay."""
        before = self.memory.last.get(row["id"])
        if before is None or place == before[:2]:
            return
        if not self.memory.may_follow(content, before[2]):
            self._say("stolen", f"{name} is new, and took the row of {before[0]}:{before[1]!a}")

    def _is_believed_in_the_dark(self, row_id: int) -> bool:
        """Whether the row still speaks of a place that may not be looked at now."""
        row = self.catalogue.rows.get(row_id)
        return row is not None and row["state"] == "present" and self._sight(row["library"]).is_dark(row["path"])

    def _is_claimed_in_the_dark(self, content: str, row: Row) -> bool:
        """Whether another row, whose place may not be looked at now, spoke of this content, has its hash or inode."""
        others = self.catalogue.rows.values()
        alike = [each["id"] for each in others if each["file_hash"] == content or _stamp(each) == _stamp(row)]
        claimants = {*alike, self.memory.owners.get(content, row["id"])} - {row["id"]}
        return any(self._is_believed_in_the_dark(each) for each in claimants)

    def _is_taken(self, row_id: int, content: str) -> bool:
        """Whether the row speaks of other bytes now, or of a file that lies elsewhere."""
        row = self.catalogue.rows.get(row_id)
        return row is not None and (row["state"] == "present" or row["file_hash"] != content)

    # --- decisions ---------------------------------------------------------------------------------------

    def _compare_decisions(self) -> None:
        row_of = {seen.content: (place, row) for place, seen, row in self._rows_of_lit_files()}
        for decision in self.memory.decisions:
            holders = [row for row in self.catalogue.rows.values() if _carries(row, decision)]
            if not holders:
                self._say("decision", f"{decision} is lost")
            elif decision.content is not None and decision.content in row_of and self._is_unique(decision.content):
                (library, path), row = row_of[decision.content]
                if not _carries(row, decision) and (kind := self._kind_of_loss(decision, decision.content, row)):
                    self._say(kind, f"{decision} is not with {library}:{path!a}")
            if len(holders) > 1 and decision.title is not None and self._is_unique(decision.content):
                self._say("decision_spread", f"{decision} is with files {[row['id'] for row in holders]}")

    def _kind_of_loss(self, decision: Decision, content: str, row: Row) -> str | None:
        suffix = self._what_came_between(self.memory.owners.get(content, decision.row_id), content, row)
        is_by_bytes = self._is_known_by_bytes_only(content)
        if suffix in ("_over", "_taken") and is_by_bytes:
            # No inode or time tells what it is: so it is a new version of what was where it came to, or what took its
            # old place is one of it, long before its bytes are read. The row that has its decision keeps it.
            return None
        if suffix == "" and is_by_bytes:
            # A person who decided about what came there, even before anybody could read it, meant that.
            return None if row["decided_by"] == "user" else "decision_by_bytes"
        return None if suffix is None else f"decision{suffix}"

    # --- looking -----------------------------------------------------------------------------------------

    def _say(self, kind: str, text: str) -> None:
        self.found.append(Difference(kind=kind, text=text))

    def _sight(self, library: str) -> Sight:
        return next(sight for sight in self.sights if sight.name == library)

    def _is_unique(self, content: str | None) -> bool:
        if content in (None, "", EMPTY) or content in self.memory.shared:
            return False
        return len(self.places.get(content or "", ())) == 1

    def _rows_of_lit_files(self) -> list[tuple[Place, Seen, Row]]:
        found = []
        for sight in self.sights:
            present = {row["path"]: row for row in self.catalogue.present(sight.name)}
            known = [(path, seen) for path, seen in sight.lit.items() if path in present and seen.content]
            found += [((sight.name, path), seen, present[path]) for path, seen in known]
        return found


def changes_of(before: Row, after: Row, others: Iterable[Row]) -> dict[str, tuple[Any, Any]]:
    """Compare a row with what it was. Another name of its file may tell that its hash is in doubt."""
    inode = (before["inode"], before["device"])
    has_other_names = any(inode == (each["inode"], each["device"]) and each["id"] != before["id"] for each in others)
    excused = ("is_in_doubt", "reread_at") if has_other_names else ()
    if _is_same_question(before, after):
        excused = (*excused, *_ANSWER)
    return {name: (before[name], after[name]) for name in before if name not in excused and before[name] != after[name]}


_ANSWER = ("verdict", "kind", "part", "edition", "confidence", "evidence", "reason", "movie_id", "movie_title")


def _is_same_question(before: Row, after: Row) -> bool:
    """Whether the file claims the same, and reeld asks, or asked, which of several works it is.

    What other disks tell of those works asks the question and answers it, wherever the file lies.
    """
    names = ("claimed_work", "claimed_episode", "decided_by")
    is_same_claim = before["claimed_work"] is not None and all(before[name] == after[name] for name in names)
    verdicts = {before["verdict"], after["verdict"]}
    return (
        is_same_claim
        and before["decided_by"] == "reeld"
        and "pending" in verdicts
        and verdicts <= {"pending", "accepted"}
    )


def unlike(before: Verdicts, fresh: Verdicts) -> list[Difference]:
    """Compare what no decision has a say in: a new catalogue knows none.

    Left out is a file that may not be read any more: what was read before is known only here.
    """
    known_only_here = [row for row in before.values() if row["decided_by"] == "user"]
    contents = {row["file_hash"] for row in known_only_here}
    titles = {title for row in known_only_here for title in (row["title"], row["series"]) if title}

    def is_excused(row: Row) -> bool:
        words = f"{row['title']} {row['series']} {row['reason']}"
        return row["decided_by"] == "user" or row["file_hash"] in contents or any(each in words for each in titles)

    return [
        Difference(kind="fresh", text=f"{place} is {before[place]}, and in a new catalogue {said}")
        for place, said in fresh.items()
        if place in before and said != before[place] and not (is_excused(said) or is_excused(before[place]))
        if not (said["file_hash"] is None and before[place]["file_hash"] is not None)
    ]


def unlike_sidecars(before: Mapping[tuple[str, str], Row], fresh: Mapping[tuple[str, str], Row]) -> list[Difference]:
    """Compare the sidecars that a new catalogue knows with what was known of them."""
    return [
        Difference(kind="fresh", text=f"{place} is {before.get(place)}, and in a new catalogue {said}")
        for place, said in fresh.items()
        if before.get(place) != said
    ]


def _stamp(row: Row) -> tuple[int, int, int]:
    return (row["inode"], row["size_bytes"], row["mtime_ns"])


def _carries(row: Row, decision: Decision) -> bool:
    if row["decided_by"] != "user":
        return False
    if decision.title is not None:
        return bool(row["movie_title"] == decision.title)
    return bool(row["verdict"] == "rejected" and row["id"] == decision.row_id)
