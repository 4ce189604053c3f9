"""Makes a real child try system calls, for `trying_probe_child.py` and `trying_identify_child.py`.

It is the child that reeld starts, with its own preparations and its own confinement. A request with `try` makes it do
the named calls. Every other request gets the child's real answer.
"""

import ctypes
import os
from collections.abc import Sequence
from typing import Any, NoReturn

from reeld import sandbox, seccomp

_libc = ctypes.CDLL(None, use_errno=True)


def attempt(name: str, pid: int) -> int | None:
    """Do one call whose arguments harm nothing; return its error, None for success."""
    number = seccomp.number_of(name)
    assert number is not None
    first = pid if name in seccomp.ONLY_FOR_ITSELF else 0
    ctypes.set_errno(0)
    parent = os.getpid()
    result = _libc.syscall(*map(ctypes.c_long, (number, first, 0, 0, 0, 0, 0)))
    if os.getpid() != parent:
        os._exit(0)  # this call made a process
    return ctypes.get_errno() if result == -1 else None


def serve_and_try(answer: sandbox.Answer, limits: sandbox.Limits) -> NoReturn:
    def answer_or_try(request: dict[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
        if "try" not in request:
            return answer(request, descriptors)
        return {"errors": {name: attempt(name, request["pid"]) for name in request["try"]}}

    sandbox.serve(answer_or_try, limits)
