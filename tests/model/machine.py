"""Whatever happens to the disks, to the daemon and to the clock: is the catalogue true once it is quiet?

A state machine of hypothesis draws operations on real files, losses of events, kills, unplugged disks, a person's
decisions and the passing of time, against reeld's real parts. After each quiet the oracle compares everything.
"""

import contextlib
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import ClassVar

from hypothesis import currently_in_test_context, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from reeld.domain.identity import LibraryKind
from tests.fuse import Numbering
from tests.model.bytes import content_of
from tests.model.disk import OPERATIONS, Disk, Done, remove_tree
from tests.model.expectations import SWITCHED_OFF
from tests.model.memory import Decision, Memory
from tests.model.mounts import CAN_MOUNT, CAN_RENUMBER, FlashDrive, Plug
from tests.model.oracle import Comparison, Difference, changes_of, unlike, unlike_sidecars
from tests.model.parts import QUIET_S, WALK_S, Clock, Killed, Reeld, moved, told_by_hand, without_log
from tests.model.sights import Row, Sight, look_at, read_catalogue, read_sidecars, read_verdicts
from tests.privileges import humble
from tests.template import copy_template

# What waits longest for its next attempt: ten minutes after a tenth death, and a day for what looks incomplete.
PATIENCE_S = (QUIET_S + 1, WALK_S, QUIET_S + 1, WALK_S, QUIET_S + 1, WALK_S)
LAST_PATIENCE_S = (4 * 3600.0, WALK_S, QUIET_S + 1, WALK_S, 25 * 3600.0, WALK_S, QUIET_S + 1, WALK_S)

PASSED_S = (1.0, QUIET_S + 1, 60.0, WALK_S)

CHANCES = st.randoms(use_true_random=False)


class Untrue(AssertionError):
    """The catalogue does not say what is on the disks."""

    def __init__(self, differences: Sequence[Difference]) -> None:
        super().__init__("\n".join(f"{difference.kind}: {difference.text}" for difference in differences))
        self.kinds = {difference.kind for difference in differences}


class Model(RuleBasedStateMachine):
    """Two libraries on one file system and, for root, a third on a disk of its own, with another below the first."""

    switched_off: ClassVar[frozenset[str]] = SWITCHED_OFF
    without: ClassVar[frozenset[str]] = frozenset()
    """Operations that are left out."""
    has_flash_drive: ClassVar[bool] = False
    """Whether one more library is on a disk that renumbers its files. It takes a process of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = contextlib.ExitStack()
        self._base = tempfile.mkdtemp(prefix="reeld-model-")
        self._stack.callback(remove_tree, self._base)
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise

    def _build(self) -> None:
        self.memory = Memory(places={})
        self.plugs = {name: self._plug(name, is_mounted=False) for name in ("films", "series")}
        if CAN_MOUNT:
            self.plugs["disk"] = self._plug("disk", is_mounted=True)
            self.below = self._plug("below", is_mounted=True, path=os.path.join(self.plugs["films"].path, "below"))
        outside = os.path.join(self._base, "outside")
        os.mkdir(outside)
        self.flash_drive: FlashDrive | None = None
        if self.has_flash_drive and CAN_RENUMBER:
            files = os.path.join(self._base, "files of flash")
            self.plugs["flash"] = self._plug("flash", is_mounted=False, path=files)
            self.flash_drive = FlashDrive(files=files, path=os.path.join(self._base, "flash"))
            self._stack.callback(self.flash_drive.close)
        self.disk = Disk(
            libraries={name: plug.path for name, plug in self.plugs.items()},
            outside=outside,
            memory=self.memory,
            without_ctimes=() if self.flash_drive is None else (self.flash_drive.files,),
        )
        roots = {name: self._as_seen(plug.path) for name, plug in self.plugs.items()}
        if CAN_MOUNT:
            self.disk.mount_points[self.below.path] = True
        self.clock = Clock()
        self._stack.enter_context(moved(self.clock))
        self._stack.enter_context(told_by_hand())
        self._stack.enter_context(without_log())
        # Each commit waits for the disk: in memory that costs nothing, and no power is cut here.
        fast = "/dev/shm" if os.path.isdir("/dev/shm") else None
        state = tempfile.mkdtemp(prefix="reeld-model-", dir=fast)
        self._stack.callback(shutil.rmtree, state, ignore_errors=True)
        copy_template(os.path.join(state, "reeld.db"))
        with humble():
            self.reeld = Reeld(database_path=os.path.join(state, "reeld.db"), roots=roots, clock=self.clock)
        self._stack.callback(self._close)
        self.said: list[str] = []
        self.dark_rows: dict[str, dict[int, Row]] = {}
        self.compared = 0
        """How many files were compared with the catalogue, over all times that it was quiet."""
        self._decided = 0

    def _plug(self, name: str, *, is_mounted: bool, path: str | None = None) -> Plug:
        place = path or os.path.join(self._base, name)
        plug = Plug(path=place, drawer=os.path.join(self._base, f"drawer of {name}"), is_mounted=is_mounted)
        self._stack.callback(plug.close)
        return plug

    def _close(self) -> None:
        self.reeld.close()

    def teardown(self) -> None:
        try:
            self._be_quiet_and_compare()
            self._compare_with_fresh()
        finally:
            self._stack.close()

    def _say(self, text: str) -> None:
        self.said.append(text)
        if currently_in_test_context():
            note(text)

    # --- files -------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(sorted(OPERATIONS)), rng=CHANCES, is_told=st.booleans())
    def operate(self, name: str, rng: random.Random, is_told: bool) -> None:
        if name in self.without or not self.disk.plugged():
            return
        done = None
        with contextlib.suppress(OSError, shutil.Error):
            done = OPERATIONS[name](self.disk, rng)
        self._note_places()
        if done is not None:
            self._tell(done, is_told=is_told)

    @rule(rng=CHANCES)
    def create(self, rng: random.Random) -> None:
        """As often as everything else together: without files there is nothing to do anything to."""
        self.operate("create", rng, True)

    # --- disks -------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(("films", "series", "disk")), rng=CHANCES)
    def unplug(self, name: str, rng: random.Random) -> None:
        plug = self.plugs.get(name)
        if plug is None or plug.is_away or (name == "films" and CAN_MOUNT):
            return  # the one with another disk below it stays where it is
        before = read_catalogue(self.reeld.database_path)
        self._finish_writing()
        self.disk.note_all_away(plug.path)
        how = plug.unplug(rng, may_leave_something=bool(before.present(name)))
        self.disk.unplugged.add(name)
        self.dark_rows[name] = {row["id"]: row for row in before.rows.values() if row["library"] == name}
        self._say(f"unplug {how}")

    @rule(name=st.sampled_from(("films", "series", "disk")))
    def plug(self, name: str) -> None:
        plug = self.plugs.get(name)
        if plug is None or not plug.is_away:
            return
        plug.plug()
        self.disk.unplugged.discard(name)
        self.dark_rows.pop(name, None)
        self._say(f"plug {name}")

    @rule(numbering=st.sampled_from(("shuffle", "count", "path")))
    def renumber(self, numbering: Numbering) -> None:
        """Plug the flash drive out and in again."""
        if self.flash_drive is not None:
            self._finish_writing()
            self.flash_drive.plug(numbering)
            self._say(f"the flash drive is plugged in again: {numbering}")

    def _as_seen(self, path: str) -> str:
        return path if self.flash_drive is None else self.flash_drive.as_seen(path)

    @rule(rng=CHANCES)
    def unplug_or_plug_below(self, rng: random.Random) -> None:
        """A disk that is mounted below a library's root."""
        if not CAN_MOUNT:
            return
        if self.below.is_away:
            self.below.plug()
            self.disk.mount_points[self.below.path] = True
            self._say("plug below")
            self.dark_rows.pop("below", None)
        elif not any(writer.path.startswith(self.below.path) for writer in self.disk.slow):
            self.disk.note_all_away(self.below.path)
            rows = read_catalogue(self.reeld.database_path).rows.values()
            self.dark_rows["below"] = {row["id"]: row for row in rows if _is_in(row, "films", "below")}
            self.disk.mount_points[self.below.path] = False
            self.below.unplug(rng, may_leave_something=False)
            self._say("unplug below")

    # --- the daemon --------------------------------------------------------------------------------------

    @rule(most_jobs=st.integers(0, 5))
    def run(self, most_jobs: int) -> None:
        self._say(f"run, {most_jobs} jobs")
        with humble():
            self.reeld.turn()
            self.reeld.work(most_jobs)

    @rule(seconds=st.sampled_from(PASSED_S))
    def let_time_pass(self, seconds: float) -> None:
        self._say(f"{seconds:g} s pass")
        self.clock.advance_s += seconds

    @rule(boundaries=st.integers(0, 30), seconds=st.sampled_from((0.0, QUIET_S + 1)))
    def kill(self, boundaries: int, seconds: float) -> None:
        self._say(f"kill after {boundaries} edges of transactions")
        self.clock.advance_s += seconds
        with humble():
            self.reeld.kill_after(boundaries)
            with contextlib.suppress(Killed):
                self.reeld.turn()
                self.reeld.work()
            self.reeld.kill()
            self.reeld.start()

    @rule()
    def restart(self) -> None:
        self._say("restart")
        with humble():
            self.reeld.stop()
            self.reeld.start()

    @rule(name=st.sampled_from(("films", "series")), kind=st.sampled_from(("auto", "movies", "series")))
    def change_kind(self, name: str, kind: LibraryKind) -> None:
        """The user says in the configuration what the library holds, and restarts reeld."""
        self._say(f"{name} holds {kind}")
        self.reeld.kinds[name] = kind
        with humble():
            self.reeld.stop()
            self.reeld.start()

    @rule(is_said=st.booleans())
    def lose_events(self, is_said: bool) -> None:
        self._say(f"events are lost, {'and this is said' if is_said else 'in silence'}")
        self.reeld.forget_hints()
        if is_said:
            for name in self.plugs:
                self.reeld.overflow(name)

    # --- a person ----------------------------------------------------------------------------------------

    @rule(rng=CHANCES)
    def decide(self, rng: random.Random) -> None:
        catalogue = read_catalogue(self.reeld.database_path)
        if not catalogue.questions:
            return
        question = rng.choice(sorted(catalogue.questions, key=lambda each: int(each["id"])))
        row = catalogue.rows[question["video_file_id"]]
        self._decided += 1
        title = f"Decided Thing {self._decided}" if rng.random() < 0.7 else None
        if title is None:
            self.reeld.reject(question["id"])
        else:
            self.reeld.validate(question["id"], title)
        content = self._content_of(row)
        path = os.path.join(self.plugs[row["library"]].path, row["path"])
        spoken_of = content_of(path) if row["state"] == "present" and os.path.isfile(path) else None
        self.memory.decide(Decision(title=title, content=content, row_id=row["id"]), spoken_of=spoken_of)
        after = read_catalogue(self.reeld.database_path).rows[row["id"]]
        for rows in self.dark_rows.values():
            # A row that has left its dark library meanwhile is none of its rows any more.
            if row["id"] in rows and _place(rows[row["id"]]) == _place(after):
                rows[row["id"]] = after
        self._say(f"decide: {self.memory.decisions[-1]} at {row['library']}:{row['path']!a}")

    def _content_of(self, row: Row) -> str | None:
        """Of which bytes the row speaks: what was hashed, if that still lies there."""
        path = os.path.join(self.plugs[row["library"]].path, row["path"])
        if row["state"] == "missing" or row["file_hash"] is None or not os.path.isfile(path):
            return None
        with contextlib.suppress(PermissionError):
            return row["file_hash"] if content_of(path) == row["file_hash"] else None
        return None

    # --- quiet -------------------------------------------------------------------------------------------

    @rule()
    def be_quiet(self) -> None:
        self._be_quiet_and_compare()

    def _be_quiet_and_compare(self) -> None:
        for done in self._finish_writing():
            self._tell(done, is_told=False)
        self._note_places()
        self._pass(PATIENCE_S)
        if self._differences(self._compare()):
            self._pass(LAST_PATIENCE_S)
        comparison = self._compare()
        if differences := self._differences(comparison):
            raise Untrue(differences)
        # What was rightly hashed again until now needs no excuse later.
        self.reeld.hashed = Counter(dict.fromkeys(self.reeld.hashed, 1))
        comparison.remember()
        self.compared += sum(len(sight.lit) for sight in comparison.sights)
        self._say("quiet, and true")

    def _pass(self, times_s: Iterable[float]) -> None:
        for seconds in times_s:
            self.clock.advance_s += seconds
            with humble():
                self.reeld.turn()
                self.reeld.work()
                self.reeld.turn()
            self._accept_what_was_deleted()

    def _accept_what_was_deleted(self) -> None:
        """Where the disk is the right one and reeld doubts it, a person says so."""
        states = read_catalogue(self.reeld.database_path).states
        for name, plug in self.plugs.items():
            if not plug.is_away and states[name] != "online":
                self._say(f"accept {name}, which is {states[name]}")
                self.reeld.accept(name)

    def _compare(self) -> Comparison:
        sights = [self._sight(name) for name in self.plugs]
        return Comparison(sights, read_catalogue(self.reeld.database_path), self.memory, self.clock.advance_s)

    def _sight(self, name: str) -> Sight:
        plug = self.plugs[name]
        has_hole = name == "films" and CAN_MOUNT and self.below.is_away
        return look_at(name, plug.path, dark_folders=("below",) if has_hole else (), is_dark=plug.is_away)

    def _differences(self, comparison: Comparison) -> list[Difference]:
        found = comparison.differences()
        for name, before in self.dark_rows.items():
            for row_id, row in before.items():
                now = comparison.catalogue.rows.get(row_id)
                if now is None or _place(now) != _place(row):
                    continue
                if changed := changes_of(row, now, comparison.catalogue.rows.values()):
                    kind = "changed_below" if name == "below" else "changed_in_the_dark"
                    found.append(Difference(kind=kind, text=f"{name}: {row['path']!a}: {changed}"))
        found += self._hashed_twice(comparison)
        return [difference for difference in found if difference.kind not in self.switched_off]

    def _hashed_twice(self, comparison: Comparison) -> list[Difference]:
        memory = self.memory
        # What was written over a file whose hash was waiting, and whose mtime was put back, is hashed by that job, and
        # once more when the next walk meets its ctime: nobody knew until then what the first one had read.
        # And where the old place could not be asked, the file was another one until its hash said that it is not.
        excused = memory.shared | memory.transplanted | memory.touched | memory.away | memory.reread
        excused |= memory.requeue | memory.refused
        most = 1 + self.reeld.kills
        return [
            Difference(kind="hashed_twice", text=f"{comparison.places[content]} was hashed {count} times")
            for content, count in self.reeld.hashed.items()
            if count > most and content not in excused and comparison.has_its_row(content)
        ]

    # --- a new catalogue ---------------------------------------------------------------------------------

    def _compare_with_fresh(self) -> None:
        """After quiet each file is what a new catalogue says: only the disks, the rules and the user decide that."""
        if "fresh" in self.switched_off or any(plug.is_away for plug in self._all_plugs()):
            return
        before = read_verdicts(self.reeld.database_path)
        sidecars = read_sidecars(self.reeld.database_path)
        path = os.path.join(os.path.dirname(self.reeld.database_path), "fresh.db")
        self.reeld.stop()
        self.reeld.close()
        copy_template(path)
        with humble():
            self.reeld = Reeld(database_path=path, roots=self.reeld.roots, clock=self.clock, kinds=self.reeld.kinds)
        self._pass(PATIENCE_S)
        if unlike(before, read_verdicts(path)):
            self._pass(LAST_PATIENCE_S)
        if differences := unlike(before, read_verdicts(path)) + unlike_sidecars(sidecars, read_sidecars(path)):
            raise Untrue(differences)
        self._say("the same as a new catalogue")

    def _all_plugs(self) -> list[Plug]:
        return [*self.plugs.values(), *([self.below] if CAN_MOUNT else [])]

    # --- the past ----------------------------------------------------------------------------------------

    def _tell(self, done: Done, *, is_told: bool) -> None:
        self._say(f"{done.text.replace(self._base, '')!a}{'' if is_told else ', in silence'}")
        if is_told:
            for folder in done.folders:
                self.reeld.tell(self._as_seen(folder), is_tree=False)
            for tree in done.trees:
                self.reeld.tell(self._as_seen(tree), is_tree=True)

    def _finish_writing(self) -> list[Done]:
        return self.disk.finish_slowly()

    def _note_places(self) -> None:
        """Everything that lies anywhere is looked at after each operation: the disks are small."""
        assert self.memory.places is not None
        for name, plug in self.plugs.items():
            if not plug.is_away:
                sight = look_at(name, plug.path)
                for path, seen in (*sight.lit.items(), *sight.dark.items()):
                    self.memory.places.setdefault(seen.content, set()).add((name, path))


def _place(row: Row) -> tuple[str, str]:
    return row["library"], row["path"]


def _is_in(row: Row, library: str, folder: str) -> bool:
    return bool(row["library"] == library and f"{row['path']}/".startswith(f"{folder}/"))
