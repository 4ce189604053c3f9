"""Go through an administrator's trouble under a real systemd: a full disk, a disk that does not answer, other users.

A part of `make test-systemd`, on a machine of its own. The tests are one story, in the order in which they stand.
"""

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.fuse import FuseDisk, fuse_disk
from tests.fuse import why_unavailable as why_no_fuse
from tests.systemd import monitored
from tests.systemd.booted import Story
from tests.systemd.machine import booted, fetch_wheels, why_unavailable
from tests.systemd.transcript import PAGE, with_part
from tests.test_docs import commands_for_a_machine

WHY_NOT = why_unavailable() or why_no_fuse()

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.timeout(400),
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
]

EDITOR = """#!/bin/sh
sed -i -e 's|^path = "~/Videos"|path = "/srv/media"|' -e 's|^quiet_s = 5.0|quiet_s = 1.0|' "$1"
"""

SHOWN = "Active:|Status:"

(PRINT_DROP_IN,) = [line for line in commands_for_a_machine() if "drop-in" in line]


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuseDisk]:
    folder = tmp_path_factory.mktemp("fuse")
    with fuse_disk(folder / "backing", folder / "mounted") as mounted:
        yield mounted


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, disk: FuseDisk) -> Iterator[Story]:
    """A machine whose catalogue has a disk of 8 MiB, which outlives a reboot, and with a disk behind a FUSE server."""
    wheels = fetch_wheels(tmp_path_factory.mktemp("pip"))
    state = tmp_path_factory.mktemp("state")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "reeld-test", state], check=True)
    try:
        with booted(wheels, f"{state}:/var/lib/reeld", f"{disk.mountpoint}:/srv/nas") as machine:
            editor = machine.root / "usr" / "local" / "bin" / "editor"
            editor.write_text(EDITOR)
            editor.chmod(0o755)
            machine.said("useradd --create-home --shell /bin/sh ada && useradd --create-home --shell /bin/sh bob")
            machine.said("mkdir -p /srv/media && make install && editor /etc/reeld/config.toml")
            machine.said(f"sed -i 's|^port = 0|port = {monitored.PORT}|' /etc/reeld/config.toml")
            machine.said(f"{PRINT_DROP_IN} && systemctl daemon-reload && systemctl enable --now reeld")
            yield Story(machine)
    finally:
        subprocess.run(["umount", "--lazy", state], check=True)


def test_a_machine_with_a_full_disk_boots_and_its_status_line_says_why(story: Story) -> None:
    story.chapter("A boot with a full disk")
    story.copies("Heat (1995).mkv", seed=1)
    story.waits_for("Heat (1995).mkv")
    story.machine.said("systemctl stop reeld")
    story.types("head -c 9M /dev/zero > /var/lib/reeld/filler", status=1, shown="space")
    story.typed.append("reboot")
    story.text += ["```", "# reboot", "```"]
    story.machine.reboot()
    assert story.machine.shows("ActiveState") == "active"
    status = story.types("systemctl status reeld", shown=SHOWN)
    assert 'Status: "waiting: the disk of /var/lib/reeld/reeld.db is full; free some space' in status
    story.types("sudo systemctl restart reeld")
    story.machine.wait_until(lambda: "is full" in story.machine.shows("StatusText"), "the line says it again")
    ask = monitored.ASK
    story.machine.wait_until(
        lambda: "reeld_disk_full 1.0" in story.machine.run(ask, user="ada").stdout, "the metrics say it, too"
    )
    shown = story.types(ask, user="ada", shown="^reeld_(disk_full|catalog_problems)")
    assert "reeld_updated_timestamp_seconds" in shown, "the alarm that it is down looks at this"


def test_the_catalogue_is_read_while_its_disk_is_full(story: Story) -> None:
    said = story.types("sudo -u reeld reeld status", shown="problem:|runs as")
    assert "metrics" not in said
    assert "the disk of /var/lib/reeld/reeld.db is full" in said
    assert "Heat" in story.types("sudo -u reeld reeld list movies", shown="Heat")
    doctor = story.types("sudo -u reeld reeld doctor", status=os.EX_UNAVAILABLE, shown="^problem")
    assert "good     database: whole" in doctor
    story.types("rm /var/lib/reeld/filler")
    story.machine.wait_until(lambda: "files: 1" in story.machine.shows("StatusText"), "it goes on")
    story.types("systemctl status reeld", shown=SHOWN)


def test_a_server_that_does_not_answer_is_named_and_holds_nothing_up(story: Story, disk: FuseDisk) -> None:
    story.chapter("A server that does not answer")
    disk.stop()
    story.types('printf \'[[library]]\\nname = "NAS"\\npath = "/srv/nas"\\n\' >> /etc/reeld/config.toml')
    checked = story.types("sudo -u reeld reeld config check", shown="library")
    assert "library NAS: /srv/nas  (it does not answer; reeld waits for it)" in checked
    story.types("sudo systemctl reload reeld")
    story.machine.wait_until(
        lambda: "NAS" in story.machine.said("sudo -u reeld reeld list libraries"), "the library is known"
    )
    listed = story.types("sudo -u reeld reeld list libraries", shown="NAS")
    assert "\tunknown\t" in listed
    doctor = story.types("sudo -u reeld reeld doctor", status=os.EX_UNAVAILABLE, shown="^problem")
    assert "library (NAS): /srv/nas does not answer" in doctor
    story.types("sudo systemctl restart reeld")
    assert story.machine.shows("ActiveState") == "active"
    disk.go_on()
    story.machine.wait_until(
        lambda: "NAS\tauto\tonline" in story.machine.said("sudo -u reeld reeld list libraries"), "it is online"
    )


def test_each_user_gets_the_advice_that_fits(story: Story) -> None:
    story.chapter("Other users")
    for command in ("status", "list movies", "reject 1", "restore-backup /tmp/backup.db"):
        said = story.types(f"reeld {command}", user="ada", status=os.EX_IOERR, shown=".")
        assert "the catalogue /var/lib/reeld/reeld.db belongs to reeld, and you are ada" in said
        assert f"hint: type: sudo -u reeld reeld {command}" in said
    doctor = story.types("reeld doctor", user="ada", status=os.EX_UNAVAILABLE, shown="^problem|you may not see")
    assert "does not run" not in doctor
    story.types("sudo -u reeld reeld restore-backup /home/ada/backup.db", status=os.EX_TEMPFAIL, shown=".")
    story.types("usermod -a -G media bob")
    story.types('sed -i \'s|^group = ""|group = "media"|\' /etc/reeld/config.toml')
    story.machine.said(f"{PRINT_DROP_IN} && systemctl daemon-reload && systemctl restart reeld")
    assert "reeld runs" in story.types("reeld status", user="bob", shown="runs as|^catalogue|^library")
    assert "Heat" in story.types("reeld list movies", user="bob", shown="Heat")
    refused = story.types("reeld reject 1", user="bob", status=os.EX_IOERR, shown=".")
    assert "hint: type: sudo -u reeld reeld reject 1" in refused
    story.machine.said("systemctl stop reeld")
    assert "reeld does not run" in story.types("reeld status", user="bob", shown="does not run|^library")


def test_what_was_seen_is_kept(story: Story) -> None:
    record = "\n".join(story.text).replace("```\n```\n", "")
    PAGE.write_text(with_part(PAGE.read_text(), "Trouble (tests/systemd/trouble.py)", record))
