"""When does a library rest because of its disk, and when does it go on?"""

from dataclasses import dataclass

import pytest

from reeld.pipeline.disk_health import FILES_IN_A_ROW, FIRST_REST_S, LONGEST_REST_S, Disks


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def disks(clock: Clock) -> Disks:
    return Disks(clock)


def test_one_bad_file_is_its_own_fault_however_often_it_fails(disks: Disks) -> None:
    assert not any(disks.failed_to_read("/a", 1) for _ in range(100))
    assert not disks.must_rest("/a")
    assert disks.trouble("/a") is None


def test_errors_of_several_files_in_a_row_are_the_disks(disks: Disks) -> None:
    told = [disks.failed_to_read("/a", number) for number in range(FILES_IN_A_ROW + 2)]
    assert told == [False] * (FILES_IN_A_ROW - 1) + [True] * 3
    assert disks.must_rest("/a")
    assert "read errors" in (disks.trouble("/a") or "")
    assert not disks.must_rest("/b")


def test_a_file_that_is_read_in_between_clears_the_disk(disks: Disks) -> None:
    for number in range(20):
        assert not disks.failed_to_read("/a", number)
        disks.read_one("/a")


def test_the_rests_grow_and_one_answer_ends_them(disks: Disks, clock: Clock) -> None:
    for number in range(FILES_IN_A_ROW):
        disks.failed_to_read("/a", number)
    disks.rests("/a")
    rests = []
    for _ in range(12):
        began = clock.now
        assert disks.rested() == []
        while disks.must_rest("/a"):
            clock.now += FIRST_REST_S / 2
        rests.append(clock.now - began)
        assert disks.rested() == ["/a"]
        assert disks.failed_to_read("/a", 0), "tried again, in vain"
    assert rests[:3] == [FIRST_REST_S, 2 * FIRST_REST_S, 4 * FIRST_REST_S]
    assert rests[-1] == LONGEST_REST_S
    disks.read_one("/a")
    assert disks.rested() == ["/a"]
    assert disks.trouble("/a") is None


def test_failures_of_those_who_were_at_work_already_do_not_prolong_the_rest(disks: Disks, clock: Clock) -> None:
    for number in range(FILES_IN_A_ROW + 10):
        disks.failed_to_read("/a", number)
    clock.now += FIRST_REST_S
    assert not disks.must_rest("/a")


def test_a_disk_that_does_not_answer_rests_until_it_does(disks: Disks) -> None:
    disks.do_not_answer({"/a": "film\n.mkv"}, frozenset({"/a", "/b"}))
    assert disks.must_rest("/a")
    assert not disks.must_rest("/b"), "silent for a moment only"
    assert not disks.is_answering("/a")
    assert not disks.is_answering("/b")
    assert disks.is_answering("/c")
    assert "film\\n.mkv" in (disks.trouble("/a") or "")
    disks.rests("/a")
    assert disks.rested() == []
    disks.do_not_answer({}, frozenset())
    assert disks.rested() == ["/a"]
    disks.goes_on("/a")
    assert disks.rested() == []
    assert disks.trouble("/a") is None
