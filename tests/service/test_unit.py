"""Are the systemd files good, as systemd itself judges them, and is the drop-in what a configuration needs?"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.config import Config, as_named, parse_config
from reeld.diagnose.dropin import drop_in, mount_unit, quoted
from reeld.errors import UsageError
from tests.service.harness import World, new_world
from tests.systemd.transcript import MARK, PAGE, with_part, with_record

ROOT = Path(__file__).parent.parent.parent
SYSTEMD = ROOT / "systemd"
SHIPPED = ("reeld.service", "user/reeld.service")

needs_systemd_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (Debian package systemd)"
)


def _complaints(folder: Path, unit: str, *drop_ins: str) -> str:
    """What systemd does not like about the unit with these drop-ins; nothing else is ever said."""
    text = (SYSTEMD / unit).read_text()
    # The program and the user of a real installation do not exist here.
    text = re.sub(r"^Exec(\w+)=\S*/bin/reeld ", r"Exec\1=/bin/true ", text, flags=re.MULTILINE)
    (folder / "reeld.service").write_text(re.sub(r"^(User|Group)=reeld$", r"\1=root", text, flags=re.MULTILINE))
    (folder / "reeld.service.d").mkdir()
    for number, drop_in_text in enumerate(drop_ins):
        (folder / "reeld.service.d" / f"{number}.conf").write_text(drop_in_text)
    command = ["systemd-analyze", "verify", "--man=no", str(folder / "reeld.service")]
    if unit.startswith("user/"):
        command.insert(1, "--user")
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment(folder))
    return result.stderr or ("" if result.returncode == 0 else f"status {result.returncode}")


def _environment(runtime: Path) -> dict[str, str]:
    """systemd's tools for a user want such a folder, whoever runs them."""
    return {**os.environ, "XDG_RUNTIME_DIR": str(runtime)}


def _exposure(tmp_path: Path, *files: str) -> float:
    """systemd's own figure for the unit together with these drop-ins: 0 is unexposed, 10 is the worst."""
    unit = tmp_path / "reeld.service"
    unit.write_text("\n".join((SYSTEMD / name).read_text() for name in ("reeld.service", *files)))
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"Overall exposure level for reeld\.service: ([\d.]+)", result.stdout)
    assert found is not None, result.stdout
    return float(found[1])


@needs_systemd_analyze
@pytest.mark.parametrize("unit", SHIPPED)
def test_systemd_finds_nothing_wrong_with_a_unit(unit: str, tmp_path: Path) -> None:
    assert _complaints(tmp_path, unit) == ""


@needs_systemd_analyze
def test_systemd_finds_nothing_wrong_with_the_drop_in_that_takes_the_lease_away(tmp_path: Path) -> None:
    assert _complaints(tmp_path, "reeld.service", (SYSTEMD / "no-lease.conf").read_text()) == ""


@needs_systemd_analyze
def test_the_drop_in_of_longer_and_longer_waits_is_for_systemd_254_and_newer(tmp_path: Path) -> None:
    version = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True, check=True).stdout
    complaints = _complaints(tmp_path, "reeld.service", (SYSTEMD / "backoff.conf").read_text())
    assert (complaints == "") == (int(version.split()[1]) >= 254)


@needs_systemd_analyze
def test_what_systemd_does_not_understand_would_be_found(tmp_path: Path) -> None:
    assert "Wacthdog" in _complaints(tmp_path, "reeld.service", "[Service]\nWacthdog=3\n")


@needs_systemd_analyze
def test_the_exposure_is_what_the_page_about_systemd_says_and_at_most_1(tmp_path: Path) -> None:
    figures = (_exposure(tmp_path), _exposure(tmp_path, "no-lease.conf"))
    assert max(figures) <= 1.0
    by_hand = PAGE.read_text().split(MARK)[0]
    stated = re.search(r"systemd-analyze security.*?(\d\.\d).*?(\d\.\d)", by_hand, re.DOTALL)
    assert stated is not None
    # Releases of systemd weigh a little differently.
    assert figures == pytest.approx((float(stated[1]), float(stated[2])), abs=0.3)


def test_what_is_written_by_hand_about_systemd_outlives_the_next_record() -> None:
    page = PAGE.read_text()
    by_hand = page.split(MARK)[0]
    assert "0.7 of 10" in by_hand
    written = with_record(page, "## As it was seen\n\nanother time\n")
    assert written == f"{by_hand}{MARK}\n\n## As it was seen\n\nanother time\n"
    assert with_record(written, page.split(MARK)[1]) == page
    with pytest.raises(ValueError, match="this line once"):
        with_record(page.replace(MARK, ""), "lost")


def test_a_part_of_the_record_is_replaced_and_the_others_stay() -> None:
    page = with_part(with_part("by hand\n", "A", "first"), "B", "second")
    changed = with_part(page, "A", "third")
    assert changed == page.replace("first", "third")
    assert with_part(changed, "A", "first") == page


def test_the_user_that_is_made_is_the_one_of_the_unit() -> None:
    made = re.findall(r"^u (\S+) ", (SYSTEMD / "sysusers.conf").read_text(), re.MULTILINE)
    assert re.findall(r"^User=(\S+)$", (SYSTEMD / "reeld.service").read_text(), re.MULTILINE) == made


def test_every_directive_of_a_unit_is_explained() -> None:
    """A comment stands above each group of lines."""
    for unit in SHIPPED:
        before, is_explained = "", False
        for line in (SYSTEMD / unit).read_text().splitlines():
            if re.match(r"[A-Z]\w+=", line):
                is_explained = is_explained or before.startswith("#")
                assert is_explained or line.startswith(("Description=", "Documentation=", "WantedBy=")), line
            elif not line or line.startswith("["):
                is_explained = False
            before = line


# --- the drop-in -----------------------------------------------------------------------------------------


def _config(*libraries: str, database: str = "", group: str = "", **metrics: object) -> Config:
    tables = [{"name": path, "path": path} for path in libraries]
    document = {"library": tables, "database": {"path": database, "group": group}, "metrics": metrics}
    environment = {"STATE_DIRECTORY": "/var/lib/reeld"}
    return parse_config(
        document, source="/etc/reeld/config.toml", base="/", environment=environment, real_paths=as_named
    )


def _lines(config: Config, links: dict[str, str] | None = None) -> list[str]:
    text = drop_in(config, lambda path: (links or {}).get(path, path))
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_unit_waits_for_a_librarys_mounts_and_needs_none_of_them() -> None:
    lines = _lines(_config("/srv/media/films", "/home/ada/My Videos"))
    assert lines == [
        "[Unit]",
        "After=srv.mount srv-media.mount srv-media-films.mount",
        r"After=home.mount home-ada.mount home-ada-My\x20Videos.mount",
    ]


def test_a_link_is_followed_to_the_disk_that_it_leads_to() -> None:
    (_, line) = _lines(_config("/films"), links={"/films": "/mnt/disk"})
    assert line == "After=films.mount mnt.mount mnt-disk.mount"


def test_a_folder_that_the_unit_hides_is_shown_to_it() -> None:
    assert 'BindReadOnlyPaths=-"/tmp/films"' in _lines(_config("/tmp/films"))
    assert not any(line.startswith("Bind") for line in _lines(_config("/tmpfilms")))


def test_a_catalogue_elsewhere_is_opened_and_its_disk_required() -> None:
    """A catalogue elsewhere is opened and its disk required and libraries in it stay closed."""
    lines = _lines(_config("/data/films", "/srv/tv", database="/data/reeld.db"))
    assert lines[3:] == [
        'RequiresMountsFor="/data"',
        "[Service]",
        'ReadWritePaths="/data"',
        'NoExecPaths="/data"',
        'ReadOnlyPaths=-"/data/films"',
    ]
    assert not any("Write" in line for line in _lines(_config("/srv/tv", database="/var/lib/reeld/sub/reeld.db")))


def test_figures_are_let_out_as_far_as_they_are_asked_for_and_no_further(tmp_path: Path) -> None:
    folder = _config("/srv/tv", textfile_directory="/var/lib/node exporter")
    assert _lines(folder)[2:] == [
        "[Service]",
        'ReadWritePaths=-"/var/lib/node exporter"',
        'NoExecPaths=-"/var/lib/node exporter"',
    ]
    port = _config("/srv/tv", port=9101)
    assert _lines(port)[2:] == [
        "[Service]",
        "PrivateNetwork=no",
        "RestrictAddressFamilies=AF_INET",
        "IPAddressAllow=localhost",
    ]
    if shutil.which("systemd-analyze"):
        assert _complaints(tmp_path, "reeld.service", drop_in(port, str)) == ""


def test_a_group_that_may_read_is_let_in(tmp_path: Path) -> None:
    shared = _config("/srv/tv", group="daemon")
    assert _lines(shared)[2:] == ["[Service]", "Group=daemon", "StateDirectoryMode=0750", "SystemCallFilter=@chown"]
    if shutil.which("systemd-analyze"):
        assert _complaints(tmp_path, "reeld.service", drop_in(shared, str)) == ""


def test_a_name_that_no_unit_file_can_hold_is_refused() -> None:
    with pytest.raises(UsageError, match="no unit file can express") as refused:
        _lines(_config("/srv/tv", database="/a\nExecStart=/b/reeld.db"))
    assert refused.value.hint == "rename it"
    assert "\n" not in mount_unit("/a\nExecStart=/b")


@needs_systemd_analyze
def test_systemd_understands_the_drop_in_of_strange_names(tmp_path: Path) -> None:
    name = 'My "films" \\ 100%n é; $HOME'
    config = _config(f"/srv/{name}", f"/tmp/{name}", f"/data {name}/tv", database=f"/data {name}/reeld.db")
    assert _complaints(tmp_path, "reeld.service", drop_in(config, lambda path: path)) == ""


@given(st.lists(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1), min_size=1))
@pytest.mark.skipif(shutil.which("systemd-escape") is None, reason="systemd-escape is not installed")
def test_a_mount_is_called_as_systemd_calls_it(parts: list[str]) -> None:
    path = "/" + "/".join(f"_{part}" if set(part) == {"."} else part for part in parts)
    command = ["systemd-escape", "--path", "--suffix=mount", "--", path]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:  # else the name would be too long for a unit
        assert mount_unit(path) == result.stdout.rstrip("\n")


@given(st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"])))
def test_a_quoted_path_is_one_word_of_the_same_text(path: str) -> None:
    text = quoted(path)
    assert text[0] == text[-1] == '"'
    assert re.sub(r"\\(.)", r"\1", text[1:-1]).replace("%%", "%") == path
    assert not re.search(r'(?<!\\)(?:\\\\)*"', text[1:-1])


@pytest.fixture
def world() -> Iterator[World]:
    with new_world() as world:
        yield world


def test_the_command_prints_it_for_the_services_own_catalogue(world: World) -> None:
    world.config.write_text('[[library]]\nname = "L"\npath = "/srv/media"\n')
    printed = world.said("config", "drop-in")
    assert "After=srv.mount srv-media.mount\n" in printed
    assert "ReadWritePaths" not in printed
    assert world.rows("config", "drop-in") == [{"drop_in": printed}]
    world.config.write_text("quite = 1")
    assert world.reeld("config", "drop-in").returncode == os.EX_CONFIG
