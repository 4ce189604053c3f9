"""`make install` and `make uninstall` as a user types them, below DESTDIR; `make test-systemd` has the rest.

An install that fails changes nothing, and says in one sentence what to do.
"""

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from reeld import __version__
from reeld.database.migrate import latest_version
from tests.template import copy_template

ROOT = Path(__file__).parent.parent

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed (Debian package make)"),
]


@dataclass(frozen=True)
class Target:
    """A folder for DESTDIR, with an old reeld in it."""

    root: Path

    @property
    def opt(self) -> Path:
        return self.root / "opt"

    def has_old(self) -> bool:
        """Whether the old reeld is whole, and nothing lies beside it."""
        return (self.opt / "reeld" / "bin" / "reeld").read_text() == "the old one" and os.listdir(self.opt) == ["reeld"]

    def make(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command(f"DESTDIR={self.root}", *words),
            env=clean_environment(environment),
            capture_output=True,
            text=True,
            check=False,
        )


def command(*words: str) -> list[str]:
    return ["make", "--no-print-directory", "-C", str(ROOT), f"PYTHON={sys.executable}", *words]


def clean_environment(more: dict[str, str]) -> dict[str, str]:
    """Leave out where this machine gets its packages from."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE"))}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", **more}


def fill(environment: Path, what: str = "the old one", *, version: str = "0.0.9") -> None:
    """Write what an environment with reeld looks like."""
    packages = environment / "lib" / "python3.11" / "site-packages" / f"reeld-{version}.dist-info"
    packages.mkdir(parents=True)
    (packages / "RECORD").write_text("reeld/__init__.py,sha256=x,1\n")
    (environment / "bin").mkdir()
    (environment / "bin" / "reeld").write_text(what)
    (environment / "bin" / "python").symlink_to("/usr/bin/python3.gone")
    (environment / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.2\n")


@pytest.fixture
def target(tmp_path: Path) -> Target:
    target = Target(tmp_path / "root")
    fill(target.opt / "reeld")
    return target


@pytest.fixture(scope="module")
def installer() -> ModuleType:
    spec = spec_from_file_location("installer", ROOT / "systemd" / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["installer"] = module
    spec.loader.exec_module(module)
    return module


def the_reason(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line that a failed target prints, beside make's own."""
    assert done.returncode != 0
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    return line


# --- what an install cannot do without -------------------------------------------------------------------


@pytest.mark.parametrize("what", ["install", "uninstall"])
def test_without_root_it_says_to_type_sudo(what: str) -> None:
    words = command(what, "STARTABLE=''")
    if os.geteuid() == 0:
        # This one may lie where only root may look.
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *words, "PYTHON=/usr/bin/python3"]
        suits = [*words[:4], "/usr/bin/python3", "-c", "import sys, pathlib; sys.exit(sys.version_info < (3, 11))"]
        if subprocess.run(suits, check=False).returncode:
            pytest.skip("/usr/bin/python3 is not Python 3.11 or newer")
        if subprocess.run([*words[:4], "test", "-r", ROOT / "Makefile"], check=False).returncode:
            pytest.skip("another user may not read this folder")
    done = subprocess.run(words, env=clean_environment({}), capture_output=True, text=True, check=False)
    assert the_reason(done).endswith(f"needs root: sudo make {what}")


@pytest.mark.parametrize("what", ["install", "wheels"])
def test_a_python_that_is_not_there_is_named(what: str, target: Target) -> None:
    done = target.make(what, "PYTHON=python9.9")
    assert the_reason(done).startswith("there is no python9.9: reeld needs Python 3.11 or newer")
    assert target.has_old()


def test_without_a_network_it_says_how_to_install_from_a_folder(target: Target) -> None:
    """It also removes what a killed install left."""
    fill(target.opt / "reeld.new", "half")
    fill(target.opt / "reeld.old", "older")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        index = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
        done = target.make("install", PIP_INDEX_URL=index)
    reason = the_reason(done)
    assert reason.startswith("make install: no network: pip does not reach the packages that reeld needs.")
    assert "`make wheels WHEELS=DIR`" in reason
    assert "`sudo make install WHEELS=DIR`" in reason
    assert target.has_old()


def test_a_folder_of_wheels_that_lacks_one_is_named_with_the_wheel(
    installer: ModuleType, target: Target, tmp_path: Path
) -> None:
    (tmp_path / "some wheels").mkdir()
    reason = the_reason(target.make("install", f"WHEELS={tmp_path}/some wheels"))
    assert reason.startswith(f"make install: the folder {tmp_path}/some wheels has no wheel of hatchling")
    reason = the_reason(target.make("install", f"WHEELS={tmp_path}/nowhere"))
    assert reason.startswith(f"make install: there is no folder {tmp_path}/nowhere")
    assert target.has_old()
    said = "ERROR: Could not find a version\nERROR: No matching distribution found for watchdog<7.2,>=7.1\n"
    reason = installer._why_pip_failed(said, "wheels")
    assert reason.startswith("the folder wheels has no wheel of watchdog<7.2,>=7.1 for Python 3.")


def test_a_wheel_of_other_sources_is_never_installed_for_these(target: Target, tmp_path: Path) -> None:
    from zipfile import ZipFile

    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with ZipFile(wheels / f"reeld-{__version__}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("reeld/__init__.py", f'__version__ = "{__version__}"\n')
        wheel.writestr(f"reeld-{__version__}.dist-info/METADATA", "Name: reeld\n")
    reason = the_reason(target.make("install", f"WHEELS={wheels}"))
    assert "was made of other sources than these" in reason
    assert target.has_old()


def test_an_install_that_is_ended_leaves_the_old_reeld_as_it_was(target: Target) -> None:
    """It is ended while pip waits for an answer. Meanwhile no other install may begin."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(250)
        index = f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        words = [sys.executable, f"{ROOT}/systemd/install.py", "install", f"--destdir={target.root}"]
        process = subprocess.Popen(words, env=clean_environment({"PIP_INDEX_URL": index}), stderr=subprocess.DEVNULL)
        connection, _ = server.accept()
        with connection:
            assert the_reason(target.make("install")) == "make install: another install is under way; wait for its end"
            process.send_signal(signal.SIGHUP)
            assert process.wait(timeout=200) != 0
    assert target.has_old()


@pytest.fixture
def config(installer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(installer, "USER", "not-there")  # who could not read this folder
    config = tmp_path / "config.toml"
    config.write_text(f'database.path = "{tmp_path}/reeld.db"\n')
    return config


def test_the_new_reeld_itself_says_what_it_refuses_in_the_configuration(installer: ModuleType, config: Path) -> None:
    here = Path(sys.prefix)
    assert installer.refusal_of(str(config), here) is None
    assert installer.refusal_of(f"{config}.gone", here) is None, "a first install has none"
    config.write_text(f"[settle]\nquite_s = 1.0\n{config.read_text()}")
    refusal = installer.refusal_of(str(config), here)
    assert 'did you mean "quiet_s"?' in refusal.why
    assert refusal.next == f"next: sudo editor {config}"


def test_a_catalogue_of_a_newer_reeld_is_refused_before_the_old_one_ends(installer: ModuleType, config: Path) -> None:
    """A catalogue of an older reeld is no obstacle: the daemon migrates it."""
    database, here = config.with_name("reeld.db"), Path(sys.prefix)
    copy_template(database)
    assert installer.refusal_of(str(config), here) is None
    for schema, is_refused in ((latest_version() + 1, True), (latest_version() - 1, False)):
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute(f"PRAGMA user_version = {schema}")
        refusal = installer.refusal_of(str(config), here)
        assert (refusal is not None) == is_refused
        if refusal is not None:
            assert "was written by a newer reeld" in refusal.why


# --- the swap --------------------------------------------------------------------------------------------


def test_the_new_environment_takes_the_place_of_the_old_one_as_a_whole(installer: ModuleType, target: Target) -> None:
    old, new = target.opt / "reeld", target.opt / "reeld.new"
    fill(new, "the new one")
    held = os.open(old, os.O_PATH)
    try:
        installer._swap(new, old)
        assert (old / "bin" / "reeld").read_text() == "the new one"
        # A reeld that runs has the old folder, which is whole, until it is restarted.
        assert Path(f"/proc/self/fd/{held}/bin/reeld").read_text() == "the old one"
    finally:
        os.close(held)
    assert sorted(os.listdir(target.opt)) == ["reeld", "reeld.old"]


def test_an_install_that_was_killed_in_the_middle_of_a_swap_goes_back(installer: ModuleType, target: Target) -> None:
    """Where the file system cannot exchange two folders, there is a moment without any."""
    (target.opt / "reeld").rename(target.opt / "reeld.old")
    fill(target.opt / "reeld.new", "the new one")
    installer._clear_up(target.opt / "reeld")
    assert target.has_old()


def test_a_place_that_cannot_be_replaced_is_named(installer: ModuleType, target: Target) -> None:
    new = target.opt / "reeld.new"
    fill(new, "the new one")
    (target.opt / "reeld.old").mkdir()
    (target.opt / "reeld.old" / "in the way").touch()
    with pytest.raises(installer.Failure, match="cannot be replaced"):
        installer._swap(new, target.opt / "reeld")


def test_an_environment_that_does_not_start_gives_its_place_back_to_the_old_one(
    installer: ModuleType, target: Target
) -> None:
    """With all other files; one that the new reeld brought goes."""
    app, new, etc = target.opt / "reeld", target.opt / "reeld.new", target.root / "etc"
    fill(new, "the new one")
    etc.mkdir()
    (etc / "unit").write_text("old")
    staged = {etc / ".unit.new": etc / "unit", etc / ".page.new": etc / "page"}
    for temporary in staged:
        temporary.write_text("new")
    installer._swap(new, app)
    replaced = installer._put_in_place(staged)
    assert (etc / "unit").read_text() == (etc / "page").read_text() == "new"
    installer._go_back(app, replaced)
    assert (app / "bin" / "reeld").read_text() == "the old one"
    assert list(tree(etc)) == ["unit"]
    assert (etc / "unit").read_text() == "old"
    installer._remove(target.opt / "reeld.old")
    assert target.has_old()


# --- the last lines --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    before: tuple[str, str, bool] | None
    state: str
    start: tuple[bool, ...] | None
    """Whether a reeld runs now, and whether it is the old one."""
    says: str


@pytest.mark.parametrize(
    "case",
    [
        Case(None, "inactive", None, "installed reeld 2.0, not started yet"),
        Case(("1.0", "3.13.1", True), "active", (True,), "reeld 1.0 → 2.0, restarted"),
        Case(("2.0", "3.13.1", True), "active", (True,), "reeld 2.0, unchanged, restarted"),
        Case(("2.0", "3.12.1", True), "active", (True,), "reeld 2.0, unchanged (Python 3.12.1 → 3.13.1), restarted"),
        Case(
            ("1.0", "3.11.2", False),
            "activating",
            (True,),
            "reeld 1.0 → 2.0 (Python 3.11.2, which is gone → 3.13.1), restarted",
        ),
        Case(("1.0", "3.13.1", True), "failed", (True,), "reeld 1.0 → 2.0, started"),
        Case(("1.0", "3.13.1", True), "active", (False,), "reeld 1.0 → 2.0, but it does not start"),
        Case(
            ("1.0", "3.13.1", True),
            "active",
            (True, True),
            "reeld 2.0 does not start, so nothing was installed. The old reeld is back and runs",
        ),
        Case(
            ("1.0", "3.13.1", True),
            "active",
            (False, True),
            "reeld 2.0 does not start, so nothing was installed. The old reeld is back and does not start either",
        ),
        Case(("1.0", "3.13.1", True), "inactive", None, "reeld 1.0 → 2.0, not running, as before"),
    ],
    ids=lambda case: case.says,
)
def test_the_last_lines_say_what_was_done_and_what_is_next(installer: ModuleType, case: Case) -> None:
    before = case.before and installer.Installed(*case.before, frozenset())
    after = installer.Installed("2.0", "3.13.1", has_python=True, content=frozenset())
    service = installer.Service(case.state, is_enabled=case.before is not None)
    start = case.start and installer.Start(*case.start)
    first, then = installer.report(before, after, service, start=start, is_package=False, refusal=None)
    assert first == case.says
    assert then.startswith("next: ")


def test_what_is_installed_is_read_without_running_it(installer: ModuleType, target: Target) -> None:
    """Its Python may be gone."""
    found = installer.installed(target.opt / "reeld")
    assert (found.version, found.python, found.has_python) == ("0.0.9", "3.11.2", False)
    (target.opt / "reeld" / "bin" / "reeld").unlink()
    assert installer.installed(target.opt / "reeld") is None
    assert installer.installed(target.opt / "nowhere") is None


# --- uninstall -------------------------------------------------------------------------------------------


def tree(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if not path.is_dir():
            yield str(path.relative_to(folder))


def test_uninstall_removes_half_of_an_install_and_leaves_what_belongs_to_the_user(target: Target) -> None:
    fill(target.opt / "reeld.new")
    fill(target.opt / "reeld.old")
    kept = (
        "etc/reeld/config.toml",
        "var/lib/reeld/reeld.db",
        "opt/other/file",
        "etc/systemd/system/reeld.service.d/my.conf",
    )
    gone = ("usr/local/bin/reeld", "usr/local/bin/.reeld.new", "usr/local/share/man/man8/.reeld.8.new",
            "usr/local/share/zsh/site-functions/_reeld", "etc/systemd/system/.reeld.service.new")  # fmt: skip
    for name in (*kept, *gone):
        (target.root / name).parent.mkdir(parents=True, exist_ok=True)
        (target.root / name).touch()
    assert target.make("uninstall").returncode == 0
    assert list(tree(target.root)) == sorted(kept)
    assert target.make("uninstall").returncode == 0, "once more does no harm"


def test_uninstall_leaves_a_folder_that_no_install_made(target: Target) -> None:
    shutil.rmtree(target.opt)
    (target.opt / "reeld").mkdir(parents=True)
    (target.opt / "reeld" / "mine").touch()
    assert target.make("uninstall").returncode == 0
    assert list(tree(target.root)) == ["opt/reeld/mine"]
