"""Shared by the tests of watching: a library on a real disk, and children of another user."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import reeld
from tests.privileges import humbly

PACKAGE_PARENT = os.path.dirname(os.path.dirname(os.path.abspath(reeld.__file__)))

RunAsOther = Callable[..., Any]


@pytest.fixture
def library() -> Iterator[str]:
    """Make an empty library that any user may enter; pytest's own directories are closed to others."""
    root = tempfile.mkdtemp(prefix="reeld-library-")
    os.chmod(root, 0o755)
    library = os.path.join(root, "library")
    os.mkdir(library)
    yield library
    for directory, names, _ in os.walk(root):
        for name in names:
            if not os.path.islink(os.path.join(directory, name)):
                os.chmod(os.path.join(directory, name), 0o755)
    shutil.rmtree(root)


@pytest.fixture
def run_as_other() -> RunAsOther:
    """Run Python code without root's privileges, with `arguments` as sys.argv[1:]. Return its output
    as JSON.

    Root may read everything, so a refused permission needs a process that may not.
    """

    def run(code: str, *arguments: str) -> Any:
        command = humbly([sys.executable, "-W", "error", "-c", code, *arguments])
        environment = {**os.environ, "PYTHONPATH": PACKAGE_PARENT, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, env=environment, cwd="/", capture_output=True, text=True, timeout=150, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def tmpfs(library: str) -> Iterator[str]:
    """Mount a file system of its own in the library at `disk`."""
    disk = os.path.join(library, "disk")
    os.mkdir(disk)
    try:
        subprocess.run(["mount", "-t", "tmpfs", "reeld-test", disk], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"mounting needs root: {error}")
    yield disk
    while os.path.ismount(disk):
        subprocess.run(["umount", "-l", disk], check=True)
