"""The status of a running reeld survives its way through the status file, between versions too."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.domain.status import (
    Estimate,
    RunningStatus,
    UnreadableFolder,
    WaitingFile,
    WatcherStatus,
    WatchStatus,
)

STATUSES = st.builds(
    RunningStatus,
    config=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=3),
    libraries=st.lists(
        st.builds(
            WatcherStatus,
            watching=st.none() | st.builds(WatchStatus),
            waiting=st.lists(st.builds(WaitingFile), max_size=2).map(tuple),
            unreadable=st.lists(st.builds(UnreadableFolder), max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    catalog_problems=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    work=st.none()
    | st.builds(
        Estimate,
        files_per_s=st.none() | st.floats(0, 1e6),
        hashed_bytes_per_s=st.none() | st.floats(0, 1e9),
        seconds_left=st.none() | st.floats(0, 1e6),
    ),
)


@given(STATUSES)
def test_a_status_comes_back_from_json_as_it_was(status: RunningStatus) -> None:
    assert RunningStatus.from_json(json.loads(json.dumps(status.to_json()))) == status


def test_fields_of_another_version_are_ignored_and_missing_ones_are_unknown() -> None:
    written = {"pid": 7, "mood": "good", "libraries": [{"name": "Films", "colour": "red"}]}
    assert RunningStatus.from_json(written) == RunningStatus(pid=7, libraries=(WatcherStatus(name="Films"),))


@pytest.mark.parametrize("written", [None, [1], "x", {"libraries": [1]}, {"libraries": [{}]}, {"work": {"files": 1}}])
def test_a_status_that_cannot_be_read_says_nothing(written: Any) -> None:
    assert RunningStatus.from_json(written) == RunningStatus()
