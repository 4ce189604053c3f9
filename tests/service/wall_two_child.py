"""The echo child on a kernel without Landlock, which must still be unable to open anything."""

from reeld import sandbox
from tests.service.echo_child import answer

if __name__ == "__main__":
    sandbox._landlock = lambda: 0
    sandbox.serve(answer, sandbox.Limits.inherited())
