"""Type the lines of README.md and SYSTEMD.md one after the other under a real systemd, as an administrator would.

Not a part of `make test`, because it takes minutes and boots a machine: `make test-systemd`. The tests are one story,
in the order in which they stand. daemon/SYSTEMD.md keeps what was typed, and what the machine answered.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reeld import __version__
from tests.systemd import monitored
from tests.systemd.machine import CLONE, Machine, another_python, booted, fetch_wheels, why_unavailable
from tests.systemd.transcript import PAGE, with_record
from tests.test_docs import commands, commands_for_a_machine
from tests.videos import make_video

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.timeout(400),
    pytest.mark.skipif(why_unavailable() is not None, reason=str(why_unavailable())),
]

CAP_LEASE = 1 << 28

# Whoever is at the keyboard, for whom `editor` is: the paths of the libraries, and no time to lose.
EDITOR = """#!/bin/sh
sed -i -e 's|^path = "~/Videos"|path = "/srv/media"|' -e 's|^quiet_s = 5.0|quiet_s = 1.0|' "$1"
"""

# Sources of a later version, as `git pull` brings them.
NEWER = "/usr/src/newer"

# What an install says at its end.
LAST_LINES = r"^(installed|reeld|make install:|next:) "

SECOND_LIBRARY = '[[library]]\\nname = "Ada"\\npath = "/home/ada/Videos"\\n'


class Story:
    """A machine, and what was typed there so far."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.typed: list[str] = []
        self.text: list[str] = []

    def chapter(self, title: str) -> None:
        self.text += ["", f"### {title}", ""]

    def types(self, line: str, *, user: str = "root", status: int = 0, shown: str = "", folder: str = CLONE) -> str:
        """Type a line that must end with this status; `shown` is a pattern of the answer's lines that are kept."""
        done = self.machine.run(line, user=user, folder=folder)
        assert done.returncode == status, f"{line}: {done.returncode}\n{done.stdout}\n{self.machine.journal()}"
        self.typed.append(line)
        kept = [each for each in done.stdout.splitlines() if shown and re.search(shown, each)]
        self.text += ["```", f"{'#' if user == 'root' else '$'} {line}", *kept, "```"]
        return done.stdout

    def knows(self, name: str) -> dict[str, Any] | None:
        """What `reeld list files` says of the file of this name, once all of its bytes are hashed."""
        rows = self.machine.said("sudo -u reeld reeld list files --json").splitlines()
        found = [row for row in map(json.loads, rows) if row["path"].endswith(f"/{name}")]
        return found[0] if found and found[0]["file_hash"] else None

    def waits_for(self, name: str) -> dict[str, Any]:
        self.machine.wait_until(lambda: self.knows(name), f"{name} is hashed")
        row = self.knows(name)
        assert row is not None
        return row

    def status_of(self, pid: str) -> dict[str, str]:
        """What the kernel says of a process."""
        lines = self.machine.said(f"cat /proc/{pid}/status").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    @property
    def pid(self) -> str:
        return self.machine.shows("MainPID")

    def copies(self, name: str, seed: int, folder: str = "/srv/media") -> None:
        """Put a film somewhere, as anybody of the group would."""
        make_video(self.machine.root / "root" / "film.mkv", seed=seed)
        self.machine.said(f"install -m 640 -g media /root/film.mkv '{folder}/{name}'")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    wheels = fetch_wheels(tmp_path_factory.mktemp("pip"), another_python())
    with booted(wheels) as machine:
        editor = machine.root / "usr" / "local" / "bin" / "editor"
        editor.write_text(EDITOR)
        editor.chmod(0o755)
        machine.said("useradd --create-home --shell /bin/sh ada && chmod 755 /home/ada")
        # A disk that nobody waits for at the start.
        with open(machine.root / "etc" / "fstab", "a") as fstab:
            fstab.write("films /srv/media tmpfs nofail,mode=755 0 0\n")
        machine.said("mkdir -p /srv/media && systemctl daemon-reload && systemctl start srv-media.mount")
        yield Story(machine)


# --- from nothing to a daemon ----------------------------------------------------------------------------


def test_a_package_can_be_built_without_touching_the_system(story: Story) -> None:
    story.machine.said("make install DESTDIR=/var/tmp/package")
    files = story.machine.said("cd /var/tmp/package && find . -path ./opt/reeld/lib -prune -o -type f -print").split()
    assert {"./etc/systemd/system/reeld.service", "./etc/reeld/config.toml", "./opt/reeld/bin/reeld"} <= set(files)
    assert story.machine.said("head -n 1 /var/tmp/package/opt/reeld/bin/reeld") == "#!/opt/reeld/bin/python\n"
    assert story.machine.run("id reeld").returncode != 0
    story.machine.said("make uninstall DESTDIR=/var/tmp/package")
    left = story.machine.said("cd /var/tmp/package && find . -type f").split()
    assert left == ["./etc/reeld/config.toml"]


def test_the_lines_of_the_readme_install_and_start_it(story: Story) -> None:
    story.chapter("Install, configure, start")
    first = commands_for_a_machine()[:6]
    assert first[0] == "sudo make install"
    assert first[-1] == "sudo -u reeld reeld status"
    for line in first:
        story.types(line, shown=r"^Creat|^\[|^After|does not run|runs as|^catalogue|^library|^installed|^next")
    assert story.machine.shows("ActiveState") == "active"
    # The group may read the films, and nobody else.
    story.machine.said("chgrp media /srv/media && chmod 750 /srv/media")
    assert "media" in story.machine.said("id -Gn reeld").split()


def test_the_unit_is_found_good_where_it_lies(story: Story) -> None:
    assert story.types("systemd-analyze verify reeld.service") == ""
    security = story.types("systemd-analyze security reeld", shown="Overall")
    assert re.search(r"Overall exposure level for reeld.service: 0\.\d", security)


def test_it_waits_for_the_disk_and_does_not_need_it(story: Story) -> None:
    assert "srv-media.mount" in story.machine.shows("After").split()
    for needed in ("Requires", "BindsTo", "Requisite", "Wants"):
        assert "srv-media.mount" not in story.machine.shows(needed)


def test_a_film_is_in_the_catalogue(story: Story) -> None:
    story.chapter("A film comes in")
    story.copies("Heat (1995).mkv", seed=1)
    row = story.waits_for("Heat (1995).mkv")
    assert (row["verdict"], row["codec_video"]) == ("accepted", "mpeg4")
    story.machine.wait_until(lambda: "files: 1" in story.machine.shows("StatusText"), "the line is up to date")
    status = story.types("systemctl status reeld", shown="Active:|Status:|Main PID")
    assert 'Status: "files: 1, in work: 0, pending: 0"' in status
    story.types("sudo -u reeld reeld list movies", shown="Heat")
    story.types("journalctl -u reeld -n 20", shown='"file.finished"|"daemon.ready"')
    assert "SYNOPSIS" in story.types("man reeld")
    assert "minimum_size_bytes" in story.types("man reeld.toml")
    found = story.types("apropos reeld", shown=".")
    assert re.findall(r"^(\S+ \(\d\))", found, re.MULTILINE) == ["reeld (8)", "reeld.toml (5)"]


@pytest.mark.parametrize(
    ("shell", "asks", "answer"),
    [
        (
            "bash",
            ". /usr/share/bash-completion/bash_completion; __load_completion reeld; complete -p reeld",
            "complete -F _reeld reeld",
        ),
        ("zsh", "autoload -Uz compinit; compinit -u -D; print $_comps[reeld]", "_reeld"),
        ("fish", "complete -C 'reeld pen'", "pending\tList the files that wait"),
    ],
)
def test_each_shell_finds_its_completion_by_itself(story: Story, shell: str, asks: str, answer: str) -> None:
    needed = "/usr/share/bash-completion/bash_completion" if shell == "bash" else f"/usr/bin/{shell}"
    if not (story.machine.root / needed.lstrip("/")).exists():
        pytest.skip(f"{needed} is not there (Debian package {'bash-completion' if shell == 'bash' else shell})")
    (story.machine.root / "root" / "asks").write_text(f"{asks}\n")
    assert answer in story.machine.said(f"{shell} /root/asks")


# --- what it may do --------------------------------------------------------------------------------------


def test_it_has_one_capability_and_its_children_none(story: Story) -> None:
    story.chapter("What it may do")
    daemon = story.status_of(story.pid)
    for which in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(daemon[which], 16) == CAP_LEASE
    assert (daemon["NoNewPrivs"], daemon["Seccomp"]) == ("1", "2")
    children = story.machine.said(f"pgrep -P {story.pid}").split()
    assert len(children) >= 2, "they read videos and names"
    for child in children:
        facts = story.status_of(child)
        assert [int(facts[which], 16) for which in ("CapPrm", "CapEff", "CapAmb")] == [0, 0, 0]
        assert facts["Seccomp"] == "2"
        assert story.machine.said(f"cat /proc/{child}/oom_score_adj").strip() == "1000"
    story.types(
        f"grep -H -E '^(Name|CapEff|NoNewPrivs|Seccomp):' /proc/{story.pid}/status /proc/{children[0]}/status",
        shown=".",
    )


def test_the_daemon_took_the_right_to_write_from_itself(story: Story) -> None:
    """The unit's filter of system calls lets it; nothing else failed under it either."""
    events = story.machine.said("journalctl -u reeld -o cat")
    (confined,) = [json.loads(line) for line in events.splitlines() if '"process.confined"' in line]
    assert confined["landlock_abi"] >= 1
    assert "not_confined" not in events
    assert '"level": "error"' not in events


def test_it_sees_the_videos_and_can_write_to_none_and_has_no_network(story: Story) -> None:
    inside = f"nsenter -t {story.pid} -m -n --"
    assert "Heat (1995).mkv" in story.types(f"{inside} ls /srv/media", shown=".")
    for path in ("/srv/media/x", "/home/ada/x", "/etc/x", "/opt/reeld/x", "/usr/x", "/bin/x", "/lib/x", "/x"):
        refused = story.machine.run(f"{inside} touch {path}")
        assert (refused.returncode, "Read-only" in refused.stdout) == (1, True), refused.stdout
    story.types(f"{inside} touch /srv/media/x", status=1, shown=".")
    interfaces = story.types(f"{inside} cat /proc/net/dev", shown=":")
    assert re.findall(r"^ *(\w+):", interfaces, re.MULTILINE) == ["lo"]


def test_a_film_that_another_user_still_writes_to_is_waited_for(story: Story) -> None:
    """For this it has the capability."""
    story.copies("Writer (2001).mkv", seed=2)
    opened = 'exec 3<>"/srv/media/Writer (2001).mkv"; echo open; sleep 1000'
    story.machine.said(f"systemd-run --unit=writer sh -c '{opened}'")

    def is_waited_for() -> bool:
        (status,) = map(json.loads, story.machine.said("sudo -u reeld reeld status --json").splitlines())
        return any(
            "open for writing" in wait["reason"] for library in status["libraries"] for wait in library["waiting"]
        )

    story.machine.wait_until(is_waited_for, "it says that the film is open for writing")
    assert story.knows("Writer (2001).mkv") is None
    story.types("sudo -u reeld reeld status", shown="Writer")
    story.machine.said("systemctl stop writer")
    story.waits_for("Writer (2001).mkv")


def test_a_disk_that_is_plugged_in_later_is_seen(story: Story) -> None:
    story.chapter("A disk that is plugged in while it runs")
    story.types("mkdir -p /srv/media/usb && mount -t tmpfs stick /srv/media/usb")
    story.copies("Alien (1979).mkv", seed=3, folder="/srv/media/usb")
    story.waits_for("Alien (1979).mkv")
    story.types("sudo -u reeld reeld list movies", shown="Alien")
    story.types("umount /srv/media/usb")
    story.machine.wait_until(lambda: "lacks a disk" in story.machine.shows("StatusText"), "that it is away is known")
    story.types("systemctl status reeld", shown="Status:")
    row = story.knows("Alien (1979).mkv")
    assert row is not None
    assert row["state"] == "present"


def test_a_library_whose_disk_is_mounted_after_the_start_is_seen(story: Story) -> None:
    """The unit was started without it, and neither its folder nor its mount was there."""
    story.machine.said("cp /etc/reeld/config.toml /root/before.toml")
    library = '[[library]]\\nname = "Disk"\\npath = "/mnt/disk/films"\\n'
    story.machine.said(f"printf '{library}' >> /etc/reeld/config.toml && systemctl restart reeld")
    story.machine.wait_until(lambda: "library Disk is offline" in story.machine.shows("StatusText"), "it is offline")
    story.types("mkdir -p /mnt/disk && mount -t tmpfs disk /mnt/disk && mkdir /mnt/disk/films")
    story.copies("Ran (1985).mkv", seed=8, folder="/mnt/disk/films")
    story.waits_for("Ran (1985).mkv")
    story.types("sudo -u reeld reeld list movies", shown="Ran")
    story.machine.said("cp /root/before.toml /etc/reeld/config.toml && systemctl reload reeld")


# --- trouble ---------------------------------------------------------------------------------------------


def test_after_a_kill_it_is_started_again(story: Story) -> None:
    story.chapter("Killed, hanging")
    before = story.pid
    story.types("systemctl kill -s KILL reeld")
    story.machine.wait_until(lambda: story.machine.shows("NRestarts") == "1", "it is started again")
    story.machine.wait_until(lambda: story.machine.shows("ActiveState") == "active", "it is ready again")
    assert story.pid not in (before, "0")
    story.types("systemctl show -p NRestarts -p ActiveState -p Result reeld", shown=".")
    story.copies("Clue (1985).mkv", seed=4)
    story.waits_for("Clue (1985).mkv")


def test_when_it_hangs_the_watchdog_ends_it_and_it_is_started_again(story: Story) -> None:
    quick = "[Service]\\nWatchdogSec=2\\nRestartSec=1\\n"
    story.machine.said(f"mkdir -p /run/systemd/system/reeld.service.d && printf '{quick}' >"
                       " /run/systemd/system/reeld.service.d/quick.conf && systemctl daemon-reload")  # fmt: skip
    story.types("systemctl restart reeld")
    story.types("systemctl kill --kill-who=main -s STOP reeld")
    story.machine.wait_until(lambda: int(story.machine.shows("NRestarts")) >= 1, "it is started again")
    story.machine.wait_until(lambda: story.machine.shows("ActiveState") == "active", "it is ready again")
    assert "Watchdog timeout" in story.types("journalctl -u reeld -n 20", shown="Watchdog timeout|Started")
    story.machine.said("rm /run/systemd/system/reeld.service.d/quick.conf && systemctl daemon-reload")
    story.machine.said("systemctl restart reeld")


# --- another configuration -------------------------------------------------------------------------------


def test_a_good_configuration_is_taken_over(story: Story) -> None:
    story.chapter("Another configuration, good and bad")
    before = story.pid
    story.machine.said("mkdir -p /home/ada/Videos && chmod 755 /home/ada/Videos")
    # Tables of libraries may stand anywhere in the file.
    story.types(f"printf '{SECOND_LIBRARY}' >> /etc/reeld/config.toml")
    story.types("sudo systemctl reload reeld")
    story.machine.wait_until(
        lambda: "/home/ada/Videos" in story.machine.said("sudo -u reeld reeld list libraries"), "the library is known"
    )
    assert story.pid == before
    make_video(story.machine.root / "root" / "film.mkv", seed=5)
    story.machine.said("install -m 644 -o ada /root/film.mkv '/home/ada/Videos/Gravity (2013).mkv'")
    story.waits_for("Gravity (2013).mkv")
    story.types("sudo -u reeld reeld list libraries", shown="online|offline")


def test_a_bad_configuration_is_refused_and_the_old_one_stays_in_force(story: Story) -> None:
    story.machine.said("cp /etc/reeld/config.toml /root/good.toml")
    story.types("sed -i s/quiet_s/quite_s/ /etc/reeld/config.toml")
    story.types("sudo systemctl reload reeld", status=1, shown="failed")
    status = story.types("systemctl status reeld", shown="Active:|Status:|did you mean")
    assert "active (running)" in status
    assert "the configuration file is not in force" in status
    assert 'did you mean "quiet_s"?' in status
    story.copies("Jaws (1975).mkv", seed=6)
    story.machine.said("cp /root/good.toml /etc/reeld/config.toml && systemctl reload reeld")
    story.waits_for("Jaws (1975).mkv")
    assert "not in force" not in story.machine.shows("StatusText")


def test_without_the_capability_it_works_as_well(story: Story) -> None:
    story.chapter("Without any capability")
    drop_in = "/etc/systemd/system/reeld.service.d/no-lease.conf"
    story.types(f"sudo install -m 644 systemd/no-lease.conf {drop_in}")
    story.types("sudo systemctl daemon-reload")
    story.types("sudo systemctl restart reeld")
    assert int(story.status_of(story.pid)["CapPrm"], 16) == 0
    security = story.types("systemd-analyze security reeld", shown="Overall")
    assert re.search(r"Overall exposure level for reeld.service: 0\.[0-4]", security)
    story.copies("Big (1988).mkv", seed=7)
    row = story.waits_for("Big (1988).mkv")
    assert (row["verdict"], row["codec_video"]) == ("accepted", "mpeg4")
    story.machine.said(f"rm {drop_in} && systemctl daemon-reload && systemctl restart reeld")


def test_the_drop_in_opens_another_place_for_the_catalogue(story: Story) -> None:
    story.chapter("A catalogue elsewhere")
    edit = 'sed -i \'s|^path = "/var/lib/reeld/reeld.db"|path = "/data/my reeld/reeld.db"|\' /etc/reeld/config.toml'
    story.types(edit)
    story.types("install -d -o reeld -g reeld -m 700 '/data/my reeld'")
    (print_it,) = [line for line in commands_for_a_machine() if "drop-in" in line]
    story.types(print_it, shown="^[^#]")
    story.types("sudo systemctl daemon-reload")
    story.types("sudo systemctl restart reeld")
    story.waits_for("Big (1988).mkv")
    assert "reeld.db" in story.machine.said("ls '/data/my reeld'")
    story.machine.said("cp /root/good.toml /etc/reeld/config.toml")
    story.machine.said(f"{print_it} && systemctl daemon-reload && systemctl restart reeld")


# --- metrics, alarms, log ----------------------------------------------------------------------------------


def test_another_user_reads_the_metrics_in_both_ways(story: Story) -> None:
    monitored.reads_metrics_as_another_user(story)


def test_alarms_fire(story: Story) -> None:
    monitored.lets_alarms_fire(story)


def test_lines_on_the_journal_have_their_priority(story: Story) -> None:
    monitored.looks_at_the_journal(story)
    monitored.ends(story)


# --- upgrade, stop, remove -------------------------------------------------------------------------------


def test_an_upgrade_keeps_the_configuration_and_starts_it_anew(story: Story) -> None:
    story.chapter("Upgrade")
    before = story.pid
    said = story.types("sudo make install", shown=LAST_LINES)
    assert story.machine.said("cat /etc/reeld/config.toml") == story.machine.said("cat /root/good.toml")
    assert story.pid not in (before, "0")
    assert story.machine.shows("ActiveState") == "active"
    assert said.splitlines()[-2] == f"reeld {__version__}, unchanged, restarted"


def test_an_upgrade_with_mistakes_in_the_configuration_changes_nothing(story: Story) -> None:
    """The daemon goes on with the configuration that it has, and can start children."""
    parts = "Makefile README.md LICENSE pyproject.toml config.toml daemon systemd"
    story.machine.said(f"mkdir {NEWER} && cp -r {parts} {NEWER}")
    story.machine.said(f"sed -i 's/^__version__ = .*/__version__ = \"9.8.7\"/' {NEWER}/daemon/reeld/__init__.py")
    story.types("sed -i s/quiet_s/quite_s/ /etc/reeld/config.toml")
    before = story.pid
    said = story.types("sudo make install", folder=NEWER, status=2, shown=f"{LAST_LINES}|did you mean")
    assert 'did you mean "quiet_s"?' in said
    assert "next: sudo editor /etc/reeld/config.toml, then sudo make install" in said
    assert story.pid == before
    assert story.machine.said("reeld --version") == f"reeld {__version__}\n"
    assert story.machine.said("ls /opt").split().count("reeld.new") == 0
    story.copies("Speed (1994).mkv", seed=11)
    story.types("sed -i s/quite_s/quiet_s/ /etc/reeld/config.toml")
    story.waits_for("Speed (1994).mkv")
    said = story.types("sudo make install", folder=NEWER, shown=LAST_LINES)
    assert said.splitlines()[-2:] == [
        f"reeld {__version__} → 9.8.7, restarted",
        "next: nothing; `sudo -u reeld reeld status` shows how it is",
    ]
    assert story.pid not in (before, "0")
    assert story.machine.said("reeld --version") == "reeld 9.8.7\n"


def test_an_upgrade_that_does_not_start_leaves_the_old_one_running(story: Story) -> None:
    """Only `reeld run` loads what is broken here, so no check before the restart finds it."""
    story.machine.said(f"sed -i 's/9.8.7/9.9.9/' {NEWER}/daemon/reeld/__init__.py")
    story.machine.said(f"echo 'raise OSError(\"broken\")' >> {NEWER}/daemon/reeld/service/daemon.py")
    story.machine.said(f"echo '# newer' >> {NEWER}/systemd/reeld.service")
    said = story.types("sudo make install", folder=NEWER, status=2, shown=LAST_LINES)
    assert said.splitlines()[-3:-1] == [
        "reeld 9.9.9 does not start, so nothing was installed. The old reeld is back and runs",
        "next: `journalctl -u reeld -n 50` says why; then sudo make install",
    ]
    assert "broken" in story.types("journalctl -u reeld -n 50 -p err -o cat", shown="broken")
    assert story.machine.shows("ActiveState") == "active"
    assert story.machine.said("reeld --version") == "reeld 9.8.7\n"
    assert "# newer" not in story.machine.said("systemctl cat reeld")
    assert [name for name in story.machine.said("ls /opt").split() if name.startswith("reeld.")] == []
    story.copies("Contact (1997).mkv", seed=13)
    story.waits_for("Contact (1997).mkv")


def test_without_a_network_a_folder_of_wheels_is_enough(story: Story) -> None:
    """The machine has no network, and now pip does not know of the wheels either."""
    make_them, install = commands("daemon/SYSTEMD.md", "## Without a network")
    story.types(make_them, shown=".")
    story.machine.said("mv /etc/pip.conf /root/pip.conf")
    before = story.pid
    refused = story.types("sudo make install", status=2, shown="^make install")
    assert "make install: no network" in refused
    assert "WHEELS=DIR" in refused
    assert story.pid == before
    said = story.types(install, shown=LAST_LINES)
    assert said.splitlines()[-2] == f"reeld 9.8.7 → {__version__}, restarted"
    # `pip wheel .` leaves hatchling out: the wheel of reeld itself is enough.
    story.machine.said("rm /var/tmp/wheels/hatchling-*.whl")
    assert f"reeld {__version__}, unchanged" in story.machine.said(install)
    story.machine.said("mv /root/pip.conf /etc/pip.conf")


def test_after_a_distribution_took_its_python_away_an_install_puts_it_right(story: Story) -> None:
    another = another_python()
    if another is None:
        pytest.skip("this system has only one Python of 3.11 or newer (Debian has no package of another)")
    story.chapter("Another Python")
    # The environment then leads to this very file.
    story.types("sudo make install PYTHON=$(realpath /usr/bin/python3)", shown=LAST_LINES)
    old = Path(story.machine.said("realpath /usr/bin/python3").strip()).name
    new = story.machine.receives(another)
    story.types(f"mv /usr/bin/{old} /root/{old} && ln -sfn {new} /usr/bin/python3")
    story.machine.run("sudo systemctl restart reeld")
    story.machine.wait_until(
        lambda: "203/EXEC" in story.machine.run("systemctl status reeld").stdout, "systemd cannot start it"
    )
    story.types("systemctl status reeld", status=3, shown="Active:|203/EXEC")
    said = story.types("sudo make install", shown=LAST_LINES)
    assert re.fullmatch(
        rf"reeld {re.escape(__version__)}, \w.*\(Python 3\.\S+, which is gone → 3\.\S+\), restarted",
        said.splitlines()[-2],
    )
    assert story.machine.shows("ActiveState") == "active"
    story.copies("Fargo (1996).mkv", seed=12)
    story.waits_for("Fargo (1996).mkv")
    # The other way, while it runs: the new Python is still there.
    story.machine.said(f"mv /root/{old} /usr/bin/{old} && ln -sfn {old} /usr/bin/python3")
    said = story.types("sudo make install", shown=LAST_LINES)
    assert re.search(r"\(Python 3\.\S+ → 3\.\S+\), restarted", said.splitlines()[-2])
    story.types("sudo -u reeld reeld list movies", shown="Fargo")


def test_it_ends_in_order(story: Story) -> None:
    story.chapter("Stop, remove, install again")
    story.types("sudo systemctl stop reeld")
    assert story.machine.shows("Result") == "success"
    assert story.machine.shows("ExecMainStatus") == "0"
    assert "daemon.stopped" in story.types("journalctl -u reeld -n 5", shown=".")
    story.types("sudo systemctl start reeld")


def test_uninstalled_it_leaves_configuration_and_catalogue(story: Story) -> None:
    """Also what a killed install left is gone."""
    story.machine.said("mkdir -p /opt/reeld.new/bin /opt/reeld.old/bin")
    story.types("sudo make uninstall", shown="^[Rr]emoved")
    assert story.machine.run("systemctl cat reeld").returncode != 0
    assert story.machine.run("pgrep -u reeld").returncode == 1, "nothing of it runs"
    for gone in (
        "/opt/reeld",
        "/opt/reeld.new",
        "/opt/reeld.old",
        "/usr/local/bin/reeld",
        "/usr/local/share/bash-completion/completions/reeld",
        "/usr/local/share/zsh/site-functions/_reeld",
        "/etc/fish/completions/reeld.fish",
        "/usr/local/share/man/man8/reeld.8",
        "/etc/sysusers.d/reeld.conf",
    ):
        assert story.machine.run(f"test -e {gone}").returncode == 1, gone
    left = story.types("ls /etc/reeld /var/lib/reeld", shown=".")
    assert "config.toml" in left
    assert "reeld.db" in left
    assert story.machine.run("id reeld").returncode == 0, "the files belong to somebody"


def test_installed_again_it_knows_what_it_knew(story: Story) -> None:
    before = story.machine.said("cat /etc/reeld/config.toml")
    said = story.types("sudo make install", shown=LAST_LINES)
    assert said.splitlines()[-2] == f"installed reeld {__version__}, not started yet"
    assert story.machine.said("cat /etc/reeld/config.toml") == before
    story.types("sudo systemctl enable --now reeld")
    assert "Heat" in story.types("sudo -u reeld reeld list movies", shown="Heat")
    story.types("sudo make uninstall", shown="^[Rr]emoved")


# --- a person's own --------------------------------------------------------------------------------------


def test_a_person_has_a_service_of_their_own(story: Story) -> None:
    story.chapter("As a service of one's own")
    story.machine.said("python3 -m venv /opt/pipx && /opt/pipx/bin/pip install --quiet pipx")
    assert "`loginctl enable-linger`" in PAGE.read_text()
    story.types("loginctl enable-linger ada")
    story.machine.wait_until(
        lambda: (
            story.machine.run("systemctl --user is-system-running", user="ada").stdout.strip()
            in ("running", "degraded")
        ),
        "ada's manager runs",
    )
    for line in commands("daemon/SYSTEMD.md", "## A service without root"):
        story.types(line, user="ada", shown="installed package|^Created")
    story.machine.wait_until(
        lambda: "Gravity" in story.machine.said("reeld list movies", user="ada"), "ada's film is known"
    )
    story.types("reeld status", user="ada", shown="runs as|^catalogue|^library")
    story.types("systemctl --user status reeld", user="ada", shown="Active:|Status:")
    story.types("systemctl --user reload reeld", user="ada")
    story.types("systemctl --user stop reeld", user="ada")


def test_everything_that_the_documents_show_was_typed_and_what_was_seen_is_kept(story: Story) -> None:
    assert set(commands_for_a_machine()) - set(story.typed) == set()
    version = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[
        0
    ]
    head = f"""\
## As it was seen

The last run of `make test-systemd` was with {version}. It booted a machine on a
copy of this system and typed these lines in a clone at `{CLONE}`. It checked far more than is
shown here (`tests/systemd/booted.py`). Of long answers, only the lines that matter are shown.
"""
    record = "\n".join([head.rstrip(), *story.text]).replace("```\n```\n", "")
    PAGE.write_text(with_record(PAGE.read_text(), record))
