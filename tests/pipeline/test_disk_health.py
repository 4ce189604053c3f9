"""When does a library rest because of its disk, and when does it go on?"""

from dataclasses import dataclass

import pytest

from reeld.pipeline.disk_health import FILES_IN_A_ROW, FIRST_PAUSE_S, LONGEST_PAUSE_S, DiskHealth


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def disk_health(clock: Clock) -> DiskHealth:
    return DiskHealth(clock)


def test_one_bad_file_is_its_own_fault_however_often_it_fails(disk_health: DiskHealth) -> None:
    assert not any(disk_health.failed_to_read("/a", 1) for _ in range(100))
    assert not disk_health.must_pause("/a")
    assert disk_health.trouble("/a") is None


def test_errors_of_several_files_in_a_row_are_the_disks(disk_health: DiskHealth) -> None:
    told = [disk_health.failed_to_read("/a", number) for number in range(FILES_IN_A_ROW + 2)]
    assert told == [False] * (FILES_IN_A_ROW - 1) + [True] * 3
    assert disk_health.must_pause("/a")
    assert "read errors" in (disk_health.trouble("/a") or "")
    assert not disk_health.must_pause("/b")


def test_a_file_that_is_read_in_between_clears_the_disk(disk_health: DiskHealth) -> None:
    for number in range(20):
        assert not disk_health.failed_to_read("/a", number)
        disk_health.read_one("/a")


def test_the_rests_grow_and_one_answer_ends_them(disk_health: DiskHealth, clock: Clock) -> None:
    for number in range(FILES_IN_A_ROW):
        disk_health.failed_to_read("/a", number)
    disk_health.mark_paused("/a")
    rests = []
    for _ in range(12):
        began = clock.now
        assert disk_health.may_resume() == []
        while disk_health.must_pause("/a"):
            clock.now += FIRST_PAUSE_S / 2
        rests.append(clock.now - began)
        assert disk_health.may_resume() == ["/a"]
        assert disk_health.failed_to_read("/a", 0), "tried again, in vain"
    assert rests[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert rests[-1] == LONGEST_PAUSE_S
    disk_health.read_one("/a")
    assert disk_health.may_resume() == ["/a"]
    assert disk_health.trouble("/a") is None


def test_failures_of_those_who_were_at_work_already_do_not_prolong_the_rest(
    disk_health: DiskHealth, clock: Clock
) -> None:
    for number in range(FILES_IN_A_ROW + 10):
        disk_health.failed_to_read("/a", number)
    clock.now += FIRST_PAUSE_S
    assert not disk_health.must_pause("/a")


def test_a_disk_that_does_not_answer_rests_until_it_does(disk_health: DiskHealth) -> None:
    disk_health.do_not_answer({"/a": "film\n.mkv"}, frozenset({"/a", "/b"}))
    assert disk_health.must_pause("/a")
    assert not disk_health.must_pause("/b"), "silent for a moment only"
    assert not disk_health.is_answering("/a")
    assert not disk_health.is_answering("/b")
    assert disk_health.is_answering("/c")
    assert "film\\n.mkv" in (disk_health.trouble("/a") or "")
    disk_health.mark_paused("/a")
    assert disk_health.may_resume() == []
    disk_health.do_not_answer({}, frozenset())
    assert disk_health.may_resume() == ["/a"]
    disk_health.mark_resumed("/a")
    assert disk_health.may_resume() == []
    assert disk_health.trouble("/a") is None
