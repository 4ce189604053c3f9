"""Hints are merged, bounded, and never lost."""

import threading

from reeld.watch.hints import EVERYTHING, DirtyDirectories, Hint


def take_all(hints: DirtyDirectories) -> list[Hint]:
    return list(iter(hints.take, None))


def test_many_events_in_one_directory_are_one_hint() -> None:
    """I15."""
    hints = DirtyDirectories()
    for _ in range(60_000):
        hints.mark("Films")
    assert take_all(hints) == [Hint(relative="Films", is_recursive=False)]


def test_hints_come_in_the_order_in_which_they_were_given_first() -> None:
    hints = DirtyDirectories()
    for relative in ("b", "a", "b", "", "c"):
        hints.mark(relative)
    assert [hint.relative for hint in take_all(hints)] == ["b", "a", "", "c"]


def test_a_tree_stays_a_tree_whatever_comes_later() -> None:
    hints = DirtyDirectories()
    hints.mark("a")
    hints.mark("a", is_recursive=True)
    hints.mark("a")
    assert take_all(hints) == [Hint(relative="a", is_recursive=True)]


def test_a_tree_swallows_what_lies_below_whether_it_came_before_or_after() -> None:
    hints = DirtyDirectories()
    hints.mark("a/b/c")
    hints.mark("ab")
    hints.mark("a", is_recursive=True)
    hints.mark("a/d", is_recursive=True)
    assert take_all(hints) == [Hint(relative="ab", is_recursive=False), Hint(relative="a", is_recursive=True)]


def test_the_whole_library_swallows_everything_but_not_what_comes_once_it_is_taken() -> None:
    hints = DirtyDirectories()
    hints.mark("a")
    hints.mark_everything()
    hints.mark("b/c")
    assert hints.take() == EVERYTHING
    hints.mark("b/c")
    assert take_all(hints) == [Hint(relative="b/c", is_recursive=False)]


def test_a_hint_that_comes_while_its_directory_is_looked_at_is_kept() -> None:
    hints = DirtyDirectories()
    hints.mark("a")
    taken = hints.take()
    hints.mark("a")
    assert hints.take() == taken


def test_beyond_the_capacity_everything_is_dirty() -> None:
    """I15. Memory is bounded by directories, and beyond that by the capacity."""
    hints = DirtyDirectories(capacity=3)
    for number in range(1000):
        hints.mark(f"{number}")
        assert len(hints) <= 3
    assert EVERYTHING in take_all(hints)


def test_waiting_ends_with_a_hint_and_says_so() -> None:
    hints = DirtyDirectories()
    marker = threading.Thread(target=hints.mark, args=("a",))
    marker.start()
    assert hints.wait(10)
    marker.join()
    assert hints.wait(0)  # still there: waiting takes nothing


def test_waiting_ends_without_a_hint_when_the_time_is_over_or_somebody_wakes_it() -> None:
    hints = DirtyDirectories()
    assert not hints.wait(0)
    hints.wake()
    assert not hints.wait(None)
