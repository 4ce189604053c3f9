"""The echo child on a kernel without Landlock and seccomp, which must still be unable to open anything."""

from unittest import mock

from reeld import sandbox
from tests.service.echo_child import answer

if __name__ == "__main__":
    sandbox._landlock = lambda: 0
    with mock.patch("reeld.sandbox.forbid_calls", return_value=False):
        sandbox.serve(answer, sandbox.Limits.inherited())
