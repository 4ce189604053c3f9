"""Does the model find nothing wrong within some seconds? `make soak` asks it for hours, and the real daemon too."""

import pytest
from hypothesis import HealthCheck, settings

from tests.model.machine import Model

# A failure is made small before it is shown, which takes longer than all else.
pytestmark = pytest.mark.timeout(900)

# The same examples each time: a test that fails for one in ten belongs into the soak, which says its seed.
Model.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

TestWhateverHappensTheCatalogueIsTrueOnceItIsQuiet = Model.TestCase
