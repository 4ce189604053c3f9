"""The second corpus is one that can be measured: each name once, each statement complete."""

from collections import Counter
from dataclasses import fields

from reeld.domain.identity import Reading
from tests.identify.generated import SIBLINGS_IN_A_SET
from tests.identify.second_round import rows


def test_each_name_stands_once_in_the_second_corpus() -> None:
    again = [path for path, count in Counter(row.clues.path for row in rows()).items() if count > 1]
    assert again == []


def test_each_row_says_what_is_right_in_known_words() -> None:
    known = {field.name for field in fields(Reading)} | {"counted", "spelled"}
    for row in rows():
        assert row.must in ("accept", "may", "wait", "ignore", "extra"), row.clues.path
        assert row.expected.keys() <= known, row.clues.path
        assert row.why, row.clues.path


def test_what_must_be_accepted_is_a_work_that_the_row_states() -> None:
    numbers = {"episode_numbers", "absolute_numbers", "air_date", "counted"}
    for row in rows():
        if row.must == "accept":
            needed = {"year"} if row.expected["kind"] == "movie" else numbers
            assert needed & row.expected.keys(), row.clues.path
        if row.must in ("ignore", "extra"):
            assert not row.expected, row.clues.path


def test_a_set_is_a_folder_of_twelve_that_know_of_each_other() -> None:
    sizes = Counter(row.set_name for row in rows() if row.set_name)
    assert set(sizes.values()) == {SIBLINGS_IN_A_SET}
    for row in rows():
        if row.set_name:
            assert len(set(row.clues.siblings)) == SIBLINGS_IN_A_SET - 1, row.clues.path
