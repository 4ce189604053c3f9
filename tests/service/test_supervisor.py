"""Does the main thread help where it can, and is it ended by nothing that it meets?"""

from types import SimpleNamespace
from typing import Any, cast

from reeld.pipeline.disk_health import FILES_IN_A_ROW, FIRST_REST_S, Disks
from reeld.service.heartbeat import Pulses
from reeld.service.supervisor import Vigil


def test_the_rest_of_a_library_that_is_not_configured_any_more_ends_and_reeld_does_not(catalog: Any) -> None:
    """A worker was still at its dying disk when the owner gave it up."""
    now = 0.0
    disks = Disks(lambda: now)
    for number in range(FILES_IN_A_ROW):
        disks.failed_to_read("/disks/Old", number)
    disks.rests("/disks/Old")
    workers = cast("Any", SimpleNamespace(relieve=lambda _stalled: None))
    vigil = Vigil(Pulses(), disks, workers, {})
    vigil.look_around()
    assert disks.rested() == []
    now += FIRST_REST_S
    assert disks.rested() == ["/disks/Old"]
    vigil.look_around()
    assert disks.rested() == []
