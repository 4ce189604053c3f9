"""A machine to break: a real systemd, booted by systemd-nspawn on a copy of this system that is thrown away.

The copy is an overlay in memory, so nothing of it stays. There is no network in it; what pip needs lies in a folder.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CLONE = "/usr/src/reeld"
WHEELS = "/usr/src/wheels"
PYTHON = "/usr/bin/python3"

# Slow, since two cores may be shared by much; what takes longer is broken.
PATIENCE_S = 90.0

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "PAGER": "cat",
    "COLUMNS": "110",
}


def why_unavailable() -> str | None:
    """Why no machine can be booted here, for a person; None if one can."""
    if os.geteuid() != 0:
        return "only root can boot a machine"
    for program, package in (("systemd-nspawn", "systemd-container"), ("sudo", "sudo"), ("make", "make")):
        if shutil.which(program, path=ENVIRONMENT["PATH"]) is None:
            return f"{program} is not installed (Debian package {package})"
    suits = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"
    if not Path(PYTHON).exists() or subprocess.run([PYTHON, "-c", suits], check=False).returncode:
        return f"{PYTHON} is not Python 3.11 or newer with venv (Debian package python3-venv)"
    return None


def fetch_wheels(folder: Path, another: Path | None = None) -> Path:
    """What `pip install .` needs without a network, for the Python of the machine, and for another one."""
    wheels = folder / "wheels"
    for number, python in enumerate(filter(None, (PYTHON, another))):
        environment = folder / f"venv{number}"
        subprocess.run([str(python), "-m", "venv", str(environment)], check=True)
        pip = [str(environment / "bin" / "pip"), "wheel", "--quiet", "--wheel-dir", str(wheels)]
        subprocess.run([*pip, str(ROOT), "hatchling", "pip", "pipx"], check=True, stderr=subprocess.PIPE)
    return wheels


def another_python() -> Path | None:
    """Find a Python of another version than that of the machine. None if there is none."""
    names = [f"python3.{minor}" for minor in (14, 13, 12, 11)]
    found = [Path(path) for path in map(shutil.which, names) if path]
    found += [path for name in names for path in sorted(Path.home().glob(f".pyenv/versions/*/bin/{name}"))]
    of_the_machine = _version(Path(PYTHON))
    suiting = (path for path in found if _version(path) not in (None, of_the_machine))
    return next(suiting, None)


def _version(python: Path) -> str | None:
    """Ask a Python for its version. None if it lacks something that is needed."""
    asks = "import ensurepip, sqlite3, ssl, venv, sys; print(*sys.version_info[:2], sep='.')"
    done = subprocess.run([str(python), "-c", asks], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


class Machine:
    """A booted machine; commands run in it as root, in the clone."""

    def __init__(self, root: Path, find_leader: Callable[[], int | None]) -> None:
        self.root = root
        """Its file system as it is seen from outside, without what is mounted in it."""
        self._find_leader = find_leader
        self._follow(find_leader())

    def _follow(self, leader: int | None) -> None:
        """Enter the machine by this process, the first of it, as it is numbered outside."""
        self._leader = leader
        self._enter = ["nsenter", "-t", str(leader), "-m", "-u", "-i", "-n", "-p", "--"]

    def reboot(self) -> None:
        """Restart the machine and wait until it has started."""
        before = self._leader
        self.run("systemctl reboot")

        def is_up() -> bool:
            leader = self._find_leader()
            if leader in (None, before):
                return False
            self._follow(leader)
            return self.run("systemctl is-system-running").stdout.strip() in ("running", "degraded")

        self.wait_until(is_up, "it starts again")

    def run(self, command: str, *, user: str = "root", folder: str = CLONE) -> "subprocess.CompletedProcess[str]":
        """Type a line; standard error is a part of the output."""
        home = "/root" if user == "root" else f"/home/{user}"
        environment = {**ENVIRONMENT, "HOME": home, "USER": user, "XDG_RUNTIME_DIR": f"/run/user/{self._uid(user)}"}
        environment["PATH"] = f"{home}/.local/bin:/opt/pipx/bin:{environment['PATH']}"
        words = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
        who = [] if user == "root" else ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
        return subprocess.run(
            [*self._enter, *words, *who, "sh", "-c", f"cd {folder} && {command}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            timeout=PATIENCE_S,
            check=False,
        )

    def said(self, command: str, *, user: str = "root") -> str:
        """The output of a line that must succeed."""
        done = self.run(command, user=user)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{self.journal()}"
        return done.stdout

    def receives(self, python: Path) -> str:
        """Put a Python of this system into the machine, as a package of its distribution would. Return its name."""
        facts = "import sys; print(sys.base_prefix, *sys.version_info[:2])"
        done = subprocess.run([str(python), "-c", facts], capture_output=True, text=True, check=True)
        prefix, major, minor = done.stdout.split()
        name = f"python{major}.{minor}"
        if prefix != "/usr":
            leave_out = shutil.ignore_patterns("test", "tests", "site-packages", "__pycache__", "*.a", "idlelib")
            shutil.copytree(Path(prefix, "lib", name), self.root / "usr" / "lib" / name, ignore=leave_out)
            shutil.copy(Path(prefix, "bin", name), self.root / "usr" / "bin" / name)
            for library in Path(prefix, "lib").glob(f"libpython{major}.{minor}*.so*"):
                shutil.copy(library, self.root / "usr" / "lib")
        return name

    def wait_until(self, is_true: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_true():
            assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S:g} s\n{self.journal()}"
            time.sleep(0.2)

    def journal(self) -> str:
        return self.run("journalctl --no-pager -o cat -n 60").stdout

    def shows(self, what: str, unit: str = "reeld") -> str:
        """A property of a unit."""
        return self.said(f"systemctl show --value -p {what} {unit}").strip()

    def _uid(self, user: str) -> int:
        for line in (self.root / "etc" / "passwd").read_text().splitlines():
            name, _, number, *_ = line.split(":")
            if name == user:
                return int(number)
        raise KeyError(user)


@contextlib.contextmanager
def booted(wheels: Path, *binds: str) -> Iterator[Machine]:
    """A machine that has started, until the end of the block.

    `binds` are folders of this machine that it sees: `/here:/there`.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reeld-machine-")))
        root = stack.enter_context(_copy_of_this_system(folder))
        name = f"reeld-test-{os.getpid()}"
        command = [
            # A machine must not outlive the test, however that ends.
            *("setpriv", "--pdeathsig", "TERM"),
            "systemd-nspawn",
            f"--directory={root}",
            f"--machine={name}",
            "--boot",
            "--private-network",
            "--console=read-only",
            # nspawn's own filter would answer that there is no Landlock.
            "--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self",
            f"--bind-ro={ROOT}:{CLONE}",
            f"--bind-ro={wheels}:{WHEELS}",
            *(f"--bind={bind}" for bind in binds),
        ]
        groups: list[Path] = []
        if not Path("/run/systemd/system").is_dir():
            # No systemd here that would make a control group for it.
            command += ["--register=no", "--keep-unit"]
            groups = [Path(f"/sys/fs/cgroup/{kind}/{name}") for kind in ("systemd", "unified")]
            groups = [group for group in groups if group.parent.is_dir()]
        for group in groups:
            group.mkdir()
            stack.callback(_remove_group, group)
        enter = "".join(f"echo $$ > {group}/cgroup.procs; " for group in groups)

        def start() -> "subprocess.Popen[bytes]":
            with open(folder / "console", "ab") as console:
                process = subprocess.Popen(
                    ["sh", "-c", f'{enter}exec "$@"', "sh", *command],
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=subprocess.STDOUT,
                )
            stack.callback(_power_off, process)
            return process

        yield _wait_for_boot(_Nspawn(start), root, folder / "console")


@contextlib.contextmanager
def _copy_of_this_system(folder: Path) -> Iterator[Path]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2g,mode=755", "reeld-test", folder], check=True)
    try:
        upper, work, root = (folder / name for name in ("upper", "work", "root"))
        for each in (upper, work, root):
            each.mkdir()
        options = f"lowerdir=/,upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "-o", options, "reeld-test", root], check=True)
        try:
            # A machine of its own; systemd gives it a number.
            (root / "etc" / "machine-id").write_text("")
            # sudo takes the environment away; where packages come from stands in a file.
            for own in (".pip", ".config/pip"):
                shutil.rmtree(root / "root" / own, ignore_errors=True)
            settings = f"[global]\nno-index = true\nfind-links = {WHEELS}\nroot-user-action = ignore\n"
            (root / "etc" / "pip.conf").write_text(settings)
            yield root
        finally:
            subprocess.run(["umount", "--recursive", "--lazy", root], check=True)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


class _Nspawn:
    """The process that keeps the machine running. Without a systemd here it ends when the machine is rebooted."""

    def __init__(self, start: Callable[[], "subprocess.Popen[bytes]"]) -> None:
        self._start = start
        self.process = start()

    def find_leader(self) -> int | None:
        return _first_child(self.process.pid)

    def find_leader_again(self) -> int | None:
        """Return the machine's first process, and start the machine where that is left to us."""
        if self.process.poll() is not None:
            self.process = self._start()
        return self.find_leader()


def _wait_for_boot(nspawn: _Nspawn, root: Path, console: Path) -> Machine:
    deadline = time.monotonic() + PATIENCE_S
    while nspawn.process.poll() is None and time.monotonic() < deadline:
        if nspawn.find_leader():
            machine = Machine(root, nspawn.find_leader_again)
            state = machine.run("systemctl is-system-running").stdout.strip()
            if state in ("running", "degraded"):
                return machine
        time.sleep(0.1)
    raise RuntimeError(f"the machine did not start:\n{console.read_text(errors='replace')}")


def _first_child(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None
    return None


def _power_off(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM has nspawn shut the machine down; nothing of it may stay."""
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)


def _remove_group(group: Path) -> None:
    # The deepest first; a group that is not empty yet is left, and said.
    for path in sorted((each for each in group.rglob("*") if each.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            path.rmdir()
    try:
        group.rmdir()
    except OSError as err:
        print(f"{group} is left: {err.strerror}", file=sys.stderr)  # noqa: T201
