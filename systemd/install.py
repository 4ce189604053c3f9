"""Installs reeld as a system service: `make install` runs this, and `make wheels`.

A new environment is made beside the old one, and takes its place as a whole when all else is ready. Until then nothing
of the installed reeld is touched, so an install that fails or is killed leaves it as it was. Where the new reeld then
does not start, the old one is put back. Only the standard library is used, since reeld is not installed yet.
"""

import argparse
import contextlib
import ctypes
import errno
import fcntl
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from zipfile import BadZipFile, ZipFile

SOURCES = Path(__file__).resolve().parent.parent
APP = Path("/opt/reeld")
CONFIG = "/etc/reeld/config.toml"
UNIT = "reeld.service"
USER = "reeld"
UNITS = Path("/etc/systemd/system")

# Commands answer within 10 s, also if a disk does not. A busy machine may take longer to start them.
LONGEST_CHECK_S = 60

RENAME_EXCHANGE = 2
AT_FDCWD = -100

WAY_OUT = (
    "on a machine with a network and the same Python, `make wheels WHEELS=DIR` makes a folder of what is needed, "
    "and here `sudo make install WHEELS=DIR` installs from it"
)
NETWORK = (
    "NewConnectionError|NameResolutionError|Temporary failure in name resolution|Network is unreachable|"
    "Connection refused|Connection reset|ConnectTimeout|ReadTimeout|timed out|ProxyError|SSLError"
)


class Failure(Exception):
    """Why nothing was installed, and what to do; the installed reeld is as it was."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What an environment holds, as its files say. Its Python need not run."""

    version: str
    python: str
    has_python: bool
    content: frozenset[str]
    """The packages with their versions, and a checksum of each file of reeld."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the new reeld would not start on this machine, in its own words."""

    why: str
    next: str


@dataclass(frozen=True, slots=True)
class Service:
    """The state of the service before the install."""

    state: str
    is_enabled: bool

    @property
    def is_up(self) -> bool:
        return self.state in ("active", "activating", "reloading")

    @property
    def did_run(self) -> bool:
        """Whether it was known to run. One that is started again and again is not."""
        return self.state in ("active", "reloading")

    @property
    def is_wanted(self) -> bool:
        """Whether it runs, or would: one that failed was not stopped by a user, and its cause may be over."""
        return self.is_up or self.state == "failed"


@dataclass(frozen=True, slots=True)
class Start:
    """How the start after an install went."""

    is_up: bool
    """Whether a reeld runs."""
    is_back: bool = False
    """Whether that is the old one again, since the new one does not start."""
    why_not_back: str = ""


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make")
    parser.add_argument("what", choices=("install", "wheels"))
    parser.add_argument("--destdir", default="", help="install below this folder, and change nothing of this system")
    parser.add_argument("--wheels", default="", help="a folder of wheels, instead of the network")
    asked = parser.parse_args(words)
    _listen_to_ends()
    os.umask(0o022)
    for stream in (sys.stdout, sys.stderr):
        getattr(stream, "reconfigure")(errors="replace")  # noqa: B009 - it is missing only where a test replaced it
    try:
        if asked.what == "wheels":
            make_wheels(asked.wheels)
            return 0
        return 0 if install(Path(asked.destdir).absolute() if asked.destdir else None, asked.wheels) else 1
    except (Failure, OSError) as err:
        print(f"make {asked.what}: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _listen_to_ends() -> None:
    """Clean up before the end, also when the connection to a terminal is lost."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextlib.contextmanager
def _no_end() -> Iterator[None]:
    """Go through with this block, which takes a moment."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        _listen_to_ends()


# --- install ---------------------------------------------------------------------------------------------


def install(destdir: Path | None, wheels: str) -> bool:
    """Install, and say so. Return False if the new reeld does not start."""
    if destdir is None:
        _require_a_system()
    requirement = _offline(wheels) if wheels else []
    root = destdir or Path("/")
    app = Path(os.path.realpath(below(root, APP)))
    app.parent.mkdir(parents=True, exist_ok=True)
    with _alone(app.parent):
        _clear_up(app)
        before, service = installed(app), _service() if destdir is None else Service("inactive", is_enabled=False)
        new = beside(app, "new")
        staged: dict[Path, Path] = {}
        try:
            _make_environment(new, wheels, requirement)
            after = installed(new)
            if after is None:
                raise Failure(f"pip did not install reeld into {new}")
            refusal = None if destdir is not None else refusal_of(_config_of_service(), new)
            if refusal and service.is_up:
                old = f"reeld {before.version}" if before else "the old reeld"
                raise Failure(
                    f"reeld {after.version} would not start here, so nothing was installed and {old} runs on.\n"
                    f"{refusal.why}\n{refusal.next}, then sudo make install"
                )
            _settle_in(new)
            with tempfile.TemporaryDirectory(prefix="reeld-install-") as pages:
                _stage(staged, root, new, Path(pages), is_package=destdir is not None)
                with _no_end():
                    _swap(new, app)
                    replaced = _put_in_place(staged)
        finally:
            _remove(new)
            for temporary in staged:
                temporary.unlink(missing_ok=True)
        is_wanted = destdir is None and service.is_wanted and refusal is None
        if destdir is None:
            _tell_the_system()
        start = None
        if is_wanted:
            can_go_back = service.did_run and before is not None and before.has_python
            start = _start_new_or_old(app, replaced, can_go_back=can_go_back)
        _remove(beside(app, "old"))
    for line in report(before, after, service, start=start, is_package=destdir is not None, refusal=refusal):
        print(line)
    return start is None or (start.is_up and not start.is_back)


def _require_a_system() -> None:
    if os.geteuid() != 0:
        raise Failure("it writes to /opt and /etc, which needs root: sudo make install")
    if not os.path.isdir("/run/systemd/system") or not shutil.which("systemd-sysusers"):
        raise Failure(
            "systemd does not run here, so there is no service to install. "
            "`make install DESTDIR=DIR` makes a package, and `pipx install .` a command of yours"
        )


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second install out. The lock ends with this process."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure("another install is under way; wait for its end") from None
        yield
    finally:
        os.close(descriptor)


def below(root: Path, path: Path | str) -> Path:
    return root / str(path).lstrip("/")


def beside(app: Path, what: str) -> Path:
    return app.with_name(f"{app.name}.{what}")


def _clear_up(app: Path) -> None:
    """Remove what a killed install left. If it was killed in the middle of the swap, go back."""
    if not app.exists() and beside(app, "old").exists():
        os.rename(beside(app, "old"), app)
    for what in ("new", "old"):
        _remove(beside(app, what))


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)


# --- the environment -------------------------------------------------------------------------------------


def installed(environment: Path) -> Installed | None:
    """Read what an environment holds. None if it is none, or reeld was never installed into it wholly."""
    try:
        lines = (environment / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    settings = {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}
    packages = sorted(environment.glob("lib/python3*/site-packages/*.dist-info"))
    # pip and setuptools come with Python.
    packages = [package for package in packages if not re.match("(pip|setuptools)-", package.name)]
    own = [package for package in packages if re.fullmatch(r"reeld-[^-]+\.dist-info", package.name)]
    if not own or not (environment / "bin" / "reeld").exists():
        return None
    try:
        record = (own[-1] / "RECORD").read_text(encoding="utf-8").splitlines()
    except OSError:
        record = []
    files = {line for line in record if line.startswith("reeld/") and ".pyc," not in line}
    return Installed(
        version=own[-1].name.removeprefix("reeld-").removesuffix(".dist-info"),
        python=settings.get("version", "unknown"),
        has_python=os.access(environment / "bin" / "python", os.X_OK),
        content=frozenset({package.name for package in packages} | files),
    )


def _make_environment(new: Path, wheels: str, requirement: Sequence[str]) -> None:
    _make_venv(new)
    offline = ["--no-index", f"--find-links={os.path.abspath(wheels)}"] if wheels else []
    _pip(new, ["install", "--no-compile", *offline, *(requirement or [str(SOURCES)])], wheels)


def _make_venv(folder: Path) -> None:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        name = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        raise Failure(f"{sys.executable} lacks venv; on Debian and Ubuntu: sudo apt install {name}") from None
    done = _run([sys.executable, "-m", "venv", str(folder)])
    if done.returncode:
        raise Failure(f"{sys.executable} cannot make an environment in {folder}: {_last_line(done.stdout)}")


def _pip(environment: Path, words: Sequence[str], wheels: str) -> None:
    pip = [str(environment / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "--retries=2"]
    done = _run([*pip, *words])
    if done.returncode:
        raise Failure(_why_pip_failed(done.stdout, wheels))


def _why_pip_failed(said: str, wheels: str) -> str:
    """Put pip's many lines into one sentence. What it cannot read is passed on."""
    if "No space left on device" in said:
        return "the disk is full (No space left on device). The installed reeld is as it was"
    lacking = re.search(r"No matching distribution found for (\S+)", said)
    if re.search(NETWORK, said):
        return f"no network: pip does not reach the packages that reeld needs. Without a network: {WAY_OUT}"
    if lacking:
        where = f"the folder {wheels} has no wheel" if wheels else "pip finds no package"
        what = lacking[1].rstrip(".;")
        python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
        return f"{where} of {what} for {python} on {os.uname().machine}. Without a network: {WAY_OUT}"
    return f"pip failed, and the installed reeld is as it was. It said:\n{said.rstrip()}"


def _offline(wheels: str) -> list[str]:
    """Choose what to install from a folder of wheels: these sources, or the wheel that was made of them.

    Building a wheel needs hatchling, which `pip wheel .` does not put into the folder.
    """
    folder = Path(wheels)
    if not folder.is_dir():
        raise Failure(f"there is no folder {wheels}: {WAY_OUT}")
    own = [path for path in sorted(folder.glob("reeld-*.whl")) if _is_of_these_sources(path)]
    if own:
        return [str(own[-1].absolute())]
    if not any(folder.glob("hatchling-*.whl")):
        why = f"the folder {wheels} has no wheel of hatchling, which makes the one of reeld"
        if any(folder.glob("reeld-*.whl")):
            why = f"the wheel of reeld in {wheels} was made of other sources than these, and hatchling is not there"
        raise Failure(f"{why}: {WAY_OUT}")
    return []


def _is_of_these_sources(wheel: Path) -> bool:
    package = SOURCES / "daemon" / "reeld"
    ours = {
        f"reeld/{path.relative_to(package)}": path.read_bytes()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    try:
        with ZipFile(wheel) as archive:
            theirs = {name: archive.read(name) for name in archive.namelist() if name.startswith("reeld/")}
            (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
            needed = set(re.findall(r"(?m)^Requires-Dist: ([\w.-]+)", archive.read(metadata).decode()))
    except (BadZipFile, OSError, ValueError):
        return False
    return ours == theirs and needed >= _dependencies()


def _dependencies() -> set[str]:
    project = tomllib.loads((SOURCES / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {re.split(r"[^\w.-]", each, maxsplit=1)[0] for each in project["dependencies"]}


def _settle_in(new: Path) -> None:
    """Have the environment name the place where it will lie: in its scripts, settings and compiled files."""
    there, here = str(APP).encode(), str(new).encode()
    for path in [new / "pyvenv.cfg", *(new / "bin").iterdir()]:
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if here in content:
                path.write_bytes(content.replace(here, there))
    compiled = ["-m", "compileall", "-q", "-s", str(new), "-p", str(APP), str(new / "lib")]
    # A package may hold a file for another version of Python. That is no failure.
    _run([str(new / "bin" / "python"), *compiled])


def _swap(new: Path, app: Path) -> None:
    """Put the new environment into the place of the old one, which is then beside it as `old`."""
    # A power cut must not leave an environment of empty files.
    subprocess.run(["sync", "-f", str(new)], check=False)
    try:
        if not app.exists():
            os.rename(new, app)
            return
        try:
            _exchange(new, app)
            os.rename(new, beside(app, "old"))
        except OSError as err:
            if err.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            os.rename(app, beside(app, "old"))
            os.rename(new, app)
    except OSError as err:
        raise Failure(f"{app} cannot be replaced: {err.strerror}. Is it a mount point? It is as it was") from None


def _exchange(first: Path, second: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if libc.renameat2(AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second), RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _put_in_place(staged: dict[Path, Path]) -> dict[Path, bytes | None]:
    """Replace the other files. Return what each of them was before; None for one that is new."""
    replaced: dict[Path, bytes | None] = {}
    try:
        for temporary, target in staged.items():
            if not temporary.is_symlink():
                replaced[target] = target.read_bytes() if target.exists() else None
            os.replace(temporary, target)
    except OSError as err:
        raise Failure(f"{err}. The new reeld is there, but not all of its files: type the same line again") from None
    return replaced


def _go_back(app: Path, replaced: dict[Path, bytes | None]) -> None:
    """Put the old environment back, which lies beside the new one, and the other files."""
    with _no_end():
        os.rename(beside(app, "old"), beside(app, "new"))
        _swap(beside(app, "new"), app)
        for target, content in replaced.items():
            if content is None:
                target.unlink(missing_ok=True)
                continue
            temporary = target.with_name(f".{target.name}.new")
            temporary.write_bytes(content)
            temporary.chmod(0o644)
            os.replace(temporary, target)


# --- the configuration -----------------------------------------------------------------------------------


def refusal_of(config: str, new: Path) -> Refusal | None:
    """Ask the new reeld what keeps it from starting. None if nothing does, or that is not known."""
    if not os.path.exists(config):
        return None
    code, said = _answer(new, config, "config", "check")
    if code == os.EX_CONFIG:
        return Refusal(said, f"next: sudo editor {config}")
    if code in (1, os.EX_SOFTWARE) or (code is not None and code < 0):
        raise Failure(f"the new reeld does not work here, so the installed one is as it was. It said:\n{said}")
    # It opens the catalogue and changes nothing. A catalogue of an older reeld is another answer, and no obstacle.
    code, said = _answer(new, config, "list", "libraries")
    if code == os.EX_DATAERR and "newer reeld" in said:
        return Refusal(said, "next: take the sources of that reeld")
    return None


def _answer(new: Path, config: str, *words: str) -> tuple[int | None, str]:
    """Run a command of the new reeld as the service's user. Return its exit code, None if it hangs, and its errors."""
    user, group, groups = _account_of_service()
    process = subprocess.Popen(
        [str(new / "bin" / "python"), "-B", "-m", "reeld", "--config", config, *words],
        cwd="/",
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "STATE_DIRECTORY": "/var/lib/reeld"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        user=user,
        group=group,
        extra_groups=groups,
    )
    try:
        said = process.communicate(timeout=LONGEST_CHECK_S)[1]
    except subprocess.TimeoutExpired:
        # It may wait for a dead disk, and then it does not even end.
        process.kill()
        print(f"`reeld {' '.join(words)}` did not answer within {LONGEST_CHECK_S} s", file=sys.stderr)
        return None, ""
    return process.returncode, str(said).strip()


def _config_of_service() -> str:
    """The configuration that the unit names, where a drop-in may name another."""
    shown = _systemctl("show", "--value", "--property=ExecStart", UNIT)
    if found := re.search(r"argv\[\]=(.*?) ;", shown):
        with contextlib.suppress(ValueError):
            words = shlex.split(found[1])
            if "--config" in words[:-1]:
                return words[words.index("--config") + 1]
    return CONFIG


def _account_of_service() -> tuple[int | None, int | None, list[int] | None]:
    """Find the user of the service, who may see less than root. A first install has none."""
    try:
        user = pwd.getpwnam(USER)
    except KeyError:
        return None, None, None
    return user.pw_uid, user.pw_gid, os.getgrouplist(USER, user.pw_gid)


# --- the other files -------------------------------------------------------------------------------------


def _stage(staged: dict[Path, Path], root: Path, new: Path, pages: Path, *, is_package: bool) -> None:
    """Write every other file beside its place, so that a full disk is met before anything is replaced."""
    for script, folder in (("man", pages / "man"), ("completion", pages)):
        written = _run([str(new / "bin" / "python"), "-B", str(SOURCES / "daemon" / script / "write.py"), str(folder)])
        if written.returncode:
            raise Failure(f"the new reeld does not work here: {_last_line(written.stdout)}")
    for path, content in _contents(root, pages, is_package=is_package).items():
        target = below(root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.new")
        staged[temporary] = target
        temporary.write_bytes(content)
        temporary.chmod(0o644)
    (below(root, UNITS) / "reeld.service.d").mkdir(parents=True, exist_ok=True)
    command = below(root, "/usr/local/bin/reeld")
    command.parent.mkdir(parents=True, exist_ok=True)
    link = command.with_name(".reeld.new")
    link.unlink(missing_ok=True)
    staged[link] = command
    link.symlink_to(APP / "bin" / "reeld")


def _contents(root: Path, pages: Path, *, is_package: bool) -> dict[Path, bytes]:
    """Every other file with its place, below the root."""
    shipped = SOURCES / "systemd"
    contents = {
        UNITS / UNIT: (shipped / "reeld.service").read_bytes(),
        Path("/etc/sysusers.d/reeld.conf"): (shipped / "sysusers.conf").read_bytes(),
    }
    for page in sorted(path for path in pages.rglob("*") if path.is_file()):
        # fish does not look below /usr/local.
        where = Path("/etc" if page.suffix == ".fish" else "/usr/local/share")
        contents[where / page.relative_to(pages)] = page.read_bytes()
    if not is_package and _systemd_version() >= 254:
        contents[UNITS / "reeld.service.d" / "backoff.conf"] = (shipped / "backoff.conf").read_bytes()
    if not below(root, CONFIG).exists():
        # It names the catalogue's path, so that commands find it without systemd.
        text = (SOURCES / "config.toml").read_text(encoding="utf-8")
        contents[Path(CONFIG)] = re.sub(r'(?m)^path = ""', 'path = "/var/lib/reeld/reeld.db"', text).encode()
    return contents


# --- the service -----------------------------------------------------------------------------------------


def _service() -> Service:
    shown = _systemctl("show", "--property=ActiveState,UnitFileState", UNIT)
    facts = dict(line.partition("=")[::2] for line in shown.splitlines())
    return Service(facts.get("ActiveState", "inactive"), is_enabled=facts.get("UnitFileState") == "enabled")


def _start_new_or_old(app: Path, replaced: dict[Path, bytes | None], *, can_go_back: bool) -> Start:
    """Start the new reeld. If it does not start, put the old one back and start that, where it ran before."""
    if _restart():
        return Start(is_up=True)
    if not can_go_back:
        return Start(is_up=False)
    # It would be started again and again meanwhile.
    _systemctl("stop", UNIT)
    try:
        # The new one may have changed the catalogue, so that only a newer reeld can read it.
        refusal = refusal_of(_config_of_service(), beside(app, "old"))
        why = refusal.why if refusal else ""
    except Failure:
        why = "it does not work here any more"
    if why:
        return Start(is_up=_restart(), why_not_back=why)
    _go_back(app, replaced)
    _tell_the_system()
    return Start(is_up=_restart(), is_back=True)


def _restart() -> bool:
    return subprocess.run(["systemctl", "restart", UNIT], check=False).returncode == 0


def _tell_the_system() -> None:
    subprocess.run(["systemd-sysusers", "/etc/sysusers.d/reeld.conf"], check=False)
    subprocess.run(["systemctl", "daemon-reload"], check=False)
    if shutil.which("mandb"):
        # Otherwise apropos knows the pages after the next nightly run. On Debian it finds them below the first name.
        _run(["mandb", "--quiet", "/usr/local/man:/usr/local/share/man"])


def _systemctl(*words: str) -> str:
    return _run(["systemctl", "--no-pager", *words]).stdout


def _systemd_version() -> int:
    found = re.match(r"systemd (\d+)", _systemctl("--version"))
    return int(found[1]) if found else 0


# --- the last lines --------------------------------------------------------------------------------------


def report(
    before: Installed | None,
    after: Installed,
    service: Service,
    *,
    start: Start | None,
    is_package: bool,
    refusal: Refusal | None,
) -> Iterator[str]:
    """Say what was done, and what is next. `start` is None where none was tried."""
    what = _what_changed(before, after)
    if is_package:
        yield f"{what}, as a package: nothing of this system was changed"
    elif start and start.is_back:
        how = "runs" if start.is_up else "does not start either"
        yield f"reeld {after.version} does not start, so nothing was installed. The old reeld is back and {how}"
        yield "next: `journalctl -u reeld -n 50` says why; then sudo make install"
    elif start and start.is_up:
        yield f"{what}, {'restarted' if service.is_up else 'started'}"
        yield "next: nothing; `sudo -u reeld reeld status` shows how it is"
    elif refusal:
        yield f"{what}, not started, since it refuses what is here"
        yield refusal.why
        yield f"{refusal.next}, then sudo systemctl restart reeld"
    elif start:
        yield f"{what}, but it does not start"
        if start.why_not_back:
            yield f"The old reeld was not put back: {start.why_not_back}"
        yield "next: `systemctl status reeld` and `journalctl -u reeld -n 20` say why"
    elif service.is_enabled:
        yield f"{what}, not running, as before"
        yield "next: sudo systemctl start reeld"
    else:
        yield f"{what}, not started yet"
        yield f"next: sudo editor {CONFIG}, then the lines below `sudo make install` in README.md"


def _what_changed(before: Installed | None, after: Installed) -> str:
    if before is None:
        return f"installed reeld {after.version}"
    python = f" (Python {before.python} → {after.python})" if before.python != after.python else ""
    if not before.has_python:
        python = f" (Python {before.python}, which is gone → {after.python})"
    if before.version != after.version:
        return f"reeld {before.version} → {after.version}{python}"
    if before.content != after.content:
        return f"reeld {after.version}, other files of the same version{python}"
    return f"reeld {after.version}, unchanged{python}"


# --- a folder of wheels ----------------------------------------------------------------------------------


def make_wheels(folder: str) -> None:
    """Put everything that an install needs into a folder: for this version of Python and this kind of machine."""
    if not folder:
        raise Failure("say where to: make wheels WHEELS=DIR")
    target = Path(folder)
    build = tomllib.loads((SOURCES / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    with tempfile.TemporaryDirectory(prefix="reeld-wheels-") as temporary:
        environment = Path(temporary, "venv")
        _make_venv(environment)
        made = Path(temporary, "wheels")
        _pip(environment, ["wheel", f"--wheel-dir={made}", str(SOURCES), *build], "")
        target.mkdir(parents=True, exist_ok=True)
        for old in target.glob("reeld-*.whl"):
            old.unlink()
        for wheel in made.iterdir():
            shutil.copy(wheel, target)
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    print(f"{folder} has all that reeld needs with {python} on {os.uname().machine}")
    print(f"next: take it there with these sources, and type sudo make install WHEELS={shlex.quote(folder)}")


# --- processes -------------------------------------------------------------------------------------------


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end. Its output, with its errors, is only kept."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return subprocess.run(
        command,
        env=clean,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def _last_line(said: str) -> str:
    return (said.strip().splitlines() or ["it said nothing"])[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
