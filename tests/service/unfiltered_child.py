"""The echo child without a filter of system calls, as on a machine without a table of them."""

from unittest import mock

from reeld import sandbox
from tests.service.echo_child import answer

if __name__ == "__main__":
    with mock.patch("reeld.sandbox.forbid_calls", return_value=False):
        sandbox.serve(answer, sandbox.Limits.inherited())
