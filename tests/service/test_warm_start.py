import os
import socket
from functools import partial
from unittest import mock

from reeld.domain.identity import Clues
from reeld.identify.json_codec import clues_to_wire
from reeld.sandbox import Limits
from reeld.service.worker_pool import WorkerPool
from tests.service.warm_start import TIMEOUT_S, fork_child, warm_start

MODULE = "reeld.identify.child"
LIMITS = Limits(descriptors=0)
CLUES = {"clues": [clues_to_wire(Clues(path="The.Matrix.1999.1080p.BluRay.x264-GRP.mkv"))]}


def test_a_forked_child_is_confined_and_answers_as_one_that_was_started() -> None:
    started = WorkerPool(MODULE, 1, LIMITS)
    forked = WorkerPool(MODULE, 1, LIMITS)
    try:
        answer = started.call(CLUES, timeout_s=TIMEOUT_S)
        with mock.patch("reeld.service.worker_pool._spawn", partial(fork_child, warm_start._channel("children"))):
            again = forked.call(CLUES, timeout_s=TIMEOUT_S)
    finally:
        started.close()
        forked.close()
    assert again["verdicts"] == answer["verdicts"] != []
    assert (forked.landlock_abi, forked.forbids_calls) == (started.landlock_abi, started.forbids_calls)


def test_a_forked_child_dies_with_its_starter() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs, open(os.devnull, "wb") as null:
            child = fork_child(warm_start._channel("children"), MODULE, LIMITS, theirs.fileno(), null.fileno())
        ours.settimeout(TIMEOUT_S)
        assert ours.recv(1 << 16), "it says how it is confined"
        del child  # with it goes the socket that its starter alone has
        while ours.recv(1 << 16):
            pass
