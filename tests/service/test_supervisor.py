"""Does the main thread help where it can, and is it ended by nothing that it meets?"""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from reeld.pipeline.disk_health import FILES_IN_A_ROW, FIRST_PAUSE_S, DiskHealth
from reeld.service.heartbeat import Heartbeats
from reeld.service.supervisor import Supervisor


def test_what_is_left_of_a_library_no_longer_configured_ends_and_reeld_does_not(catalog: Any) -> None:
    """The rest of a library that is not configured any more ends and reeld does not.

    A worker was still at its dying disk when the owner gave it up.
    """
    now = 0.0
    disk_health = DiskHealth(lambda: now)
    for number in range(FILES_IN_A_ROW):
        disk_health.failed_to_read("/disks/Old", number)
    disk_health.mark_paused("/disks/Old")
    workers = cast("Any", SimpleNamespace(relieve=lambda _stalled: None))
    supervisor = Supervisor(Heartbeats(), disk_health, workers, {})
    supervisor.check()
    assert disk_health.may_resume() == []
    now += FIRST_PAUSE_S
    assert disk_health.may_resume() == ["/disks/Old"]
    supervisor.check()
    assert disk_health.may_resume() == []


def test_the_main_thread_rests_only_while_nothing_is_to_be_supervised(catalog: Any) -> None:
    disk_health, heartbeats = DiskHealth(), Heartbeats()
    workers = cast("Any", SimpleNamespace(relieve=lambda _stalled: None))
    supervisor = Supervisor(heartbeats, disk_health, workers, {})
    supervisor.check()
    assert supervisor.may_rest()
    disk_health.mark_paused("/disks/Films")
    assert not supervisor.may_rest(), "its jobs wait until the disk answers"
    disk_health.mark_resumed("/disks/Films")
    assert supervisor.may_rest()
    disk_health.do_not_answer({}, frozenset(["/disks/Films"]))
    assert not supervisor.may_rest()


def test_the_watchdog_is_fed_during_the_longest_rest(catalog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd ends reeld after WatchdogSec, half of which is the longest time between two messages."""
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    workers = cast("Any", SimpleNamespace(relieve=lambda _stalled: None))
    supervisor = Supervisor(Heartbeats(), DiskHealth(), workers, {})
    assert supervisor.rest_s() == 0.0
    supervisor.check()
    assert 0.0 < supervisor.rest_s() <= 30.0
