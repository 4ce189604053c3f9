"""Read the metrics as another user in both ways, let alarms fire, and look at the priorities of the journal.

A part of the story of booted.py, which calls these functions in their order.
"""

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.report.monitoring import ALERTS
from tests.test_docs import ROOT, commands, commands_for_a_machine
from tests.videos import make_video

if TYPE_CHECKING:
    from tests.systemd.booted import Story

PORT = 9810
ASK = f"python3 -c 'import urllib.request as it; print(it.urlopen(\"http://localhost:{PORT}\").read().decode())'"
FOLDER = "/var/lib/prometheus/node-exporter"
CONFIG = "/etc/reeld/config.toml"

# As SYSTEMD.md says it, but quicker.
PROMETHEUS = f"""\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [/etc/prometheus/reeld-alerts.yml]
scrape_configs:
  - {{job_name: reeld, static_configs: [{{targets: ["localhost:{PORT}"]}}]}}
  - {{job_name: node, static_configs: [{{targets: ["localhost:9100"]}}]}}
"""


def findings(story: "Story") -> list[str]:
    """What `reeld status` finds wrong with the metrics."""
    (status,) = map(json.loads, story.machine.said("sudo -u reeld reeld status --json").splitlines())
    return [finding["message"] for finding in status["findings"] if finding["check"] == "metrics"]


def reads_metrics_as_another_user(story: "Story") -> None:
    machine = story.machine
    story.chapter("Metrics and alarms")
    machine.said(f"cp {CONFIG} /root/before-metrics.toml && mkdir -p {FOLDER}")
    story.types(f"sed -i 's|^port = 0|port = {PORT}|' {CONFIG}")
    story.types("sudo systemctl restart reeld")
    machine.wait_until(lambda: any("forbids the network" in line for line in findings(story)), "status says so")
    assert "reeld config drop-in" in story.types("sudo -u reeld reeld status", shown="problem:|hint:")
    story.types(f"""sed -i 's|^textfile_directory = ""|textfile_directory = "{FOLDER}"|' {CONFIG}""")
    for line in commands("daemon/SYSTEMD.md", "## Metrics and alarms"):
        story.types(line)
    (print_it,) = [line for line in commands_for_a_machine() if "drop-in" in line]
    story.types(print_it, shown="Network|Address|^ReadWrite")
    story.types("sudo systemctl daemon-reload")
    story.types("sudo systemctl restart reeld")
    machine.wait_until(lambda: machine.run(f"test -e {FOLDER}/reeld.prom").returncode == 0, "the file is written")
    machine.wait_until(lambda: machine.run(ASK, user="ada").returncode == 0, "the port answers")
    assert 'state="online"} 1.0' in story.types(ASK, user="ada", shown=r"^reeld_library_state.* 1\.0|^reeld_info")
    story.types(f"grep -E '^reeld_(info|backup|disk)' {FOLDER}/reeld.prom", user="ada", shown=".")
    machine.wait_until(lambda: findings(story) == [], "status finds nothing wrong")
    if machine.run("systemctl is-active prometheus-node-exporter").returncode == 0:
        machine.wait_until(lambda: "reeld_info{" in _page(story, 9100), "node_exporter, another user, has it")


def lets_alarms_fire(story: "Story") -> None:
    machine = story.machine
    if machine.run("systemctl cat prometheus prometheus-node-exporter").returncode:
        pytest.skip("prometheus is not installed (Debian packages prometheus and prometheus-node-exporter)")
    # Each at once, and not only when it lasts.
    rules = re.sub(r"(?m)^( +for: ).*$", r"\g<1>0s", ALERTS.read_text())
    etc = machine.root / "etc" / "prometheus"
    (etc / "reeld-alerts.yml").write_text(rules)
    (etc / "prometheus.yml").write_text(PROMETHEUS)
    story.types("promtool check config /etc/prometheus/prometheus.yml", shown="SUCCESS")
    machine.said("systemctl restart prometheus")
    machine.wait_until(lambda: {"reeld", "node"} <= _jobs_up(story), "both ways are scraped")
    # At its first look Prometheus has read no page yet, and none of these rules waits.
    no_trouble = {"ReeldDown", "ReeldLibraryAway", "ReeldDatabaseDamaged"}.isdisjoint
    machine.wait_until(lambda: no_trouble(_firing(story)), "no alarm is left")
    machine.said(f"cp {CONFIG} /root/with-metrics.toml")
    machine.said(f"""printf '[[library]]\\nname = "Gone"\\npath = "/mnt/gone"\\n' >> {CONFIG}""")
    story.types("sudo systemctl reload reeld")
    # Right after a reload no disk has answered yet.
    machine.wait_until(lambda: _libraries_away(story) == {"Gone"}, "ReeldLibraryAway fires for one library")
    story.types(_QUERY, shown="LibraryAway")
    machine.said(f"cp /root/with-metrics.toml {CONFIG} && systemctl reload reeld")
    machine.wait_until(lambda: "ReeldLibraryAway" not in _firing(story), "the alarm ends")
    story.types("sudo systemctl stop reeld")
    _wait_for(story, "ReeldDown")
    # A damaged catalogue: nothing runs that would serve figures, and the file says why.
    machine.said("cp -p /var/lib/reeld/reeld.db /root/whole.db")
    story.types("head -c 40960 /dev/urandom | dd of=/var/lib/reeld/reeld.db conv=notrunc")
    story.types("sudo systemctl start reeld", status=1)
    _wait_for(story, "ReeldDatabaseDamaged")
    story.types(_QUERY, shown="Damaged|Down")
    machine.said("cp -p /root/whole.db /var/lib/reeld/reeld.db && systemctl reset-failed reeld")
    story.types("sudo systemctl start reeld")
    machine.wait_until(lambda: not {"ReeldDown", "ReeldDatabaseDamaged"} & _firing(story), "the alarms end")


def looks_at_the_journal(story: "Story") -> None:
    machine = story.machine
    story.chapter("Priorities of the log")
    make_video(machine.root / "root" / "film.mkv", seed=41)
    machine.said("install -m 640 -g media /root/film.mkv /srv/media/thinman.mkv")
    (jq,) = re.findall(
        r"^journalctl -u reeld -o cat \| jq .*$", (ROOT / "daemon" / "LOGS.md").read_text(), re.MULTILINE
    )
    if machine.run("which jq").returncode == 0:
        machine.wait_until(lambda: "thinman.mkv: " in machine.said(jq), "the line shows what waits")
        story.types(jq, shown="thinman")
    machine.said(f"cp {CONFIG} /root/whole.toml")
    since = machine.said("date +%s").strip()
    story.types(f"sed -i s/quiet_s/quite_s/ {CONFIG}")
    story.types("sudo systemctl reload reeld", status=1)
    machine.said("systemctl stop reeld")
    machine.run("systemctl start reeld")
    machine.said(f"cp /root/whole.toml {CONFIG} && systemctl reset-failed reeld && systemctl start reeld")
    entries = _entries(story, f"--since=@{since}")
    about_it = [entry for entry in entries if "quite_s" in entry["MESSAGE"] or entry["MESSAGE"].startswith("error:")]
    assert {entry["PRIORITY"] for entry in about_it} == {"3"}
    assert len({entry["_PID"] for entry in about_it}) == 3, "the daemon, ExecReload, and a start"
    (refused,) = [entry for entry in about_it if "config.refused" in entry["MESSAGE"]]
    assert "\\n" not in json.loads(refused["MESSAGE"])["reason"]
    story.types(f"journalctl -u reeld -p err --since=@{since} -o cat", shown="quite_s")
    assert {entry["PRIORITY"] for entry in entries if '"daemon.ready"' in entry["MESSAGE"]} == {"6"}


def ends(story: "Story") -> None:
    """Go on as before."""
    (print_it,) = [line for line in commands_for_a_machine() if "drop-in" in line]
    story.machine.said(f"cp /root/before-metrics.toml {CONFIG} && rm -f /srv/media/thinman.mkv")
    story.machine.said(f"{print_it} && systemctl daemon-reload && systemctl restart reeld")


_QUERY = "promtool query instant http://localhost:9090 'ALERTS{alertstate=\"firing\"}'"


def _firing(story: "Story") -> set[str]:
    return set(re.findall(r'alertname="(\w+)"', story.machine.said(_QUERY)))


def _libraries_away(story: "Story") -> set[str]:
    return set(re.findall(r'alertname="ReeldLibraryAway".* library="(\w+)"', story.machine.said(_QUERY)))


def _wait_for(story: "Story", alert: str) -> None:
    story.machine.wait_until(lambda: alert in _firing(story), f"{alert} fires")


def _jobs_up(story: "Story") -> set[str]:
    done = story.machine.run("promtool query instant http://localhost:9090 'up == 1'")
    return set(re.findall(r'job="(\w+)"', done.stdout)) if done.returncode == 0 else set()


def _page(story: "Story", port: int) -> str:
    ask = f'import urllib.request as it; print(it.urlopen("http://localhost:{port}/metrics").read().decode())'
    return story.machine.run(f"python3 -c '{ask}'").stdout


def _entries(story: "Story", *arguments: str) -> list[dict[str, Any]]:
    lines = story.machine.said(f"journalctl -u reeld -o json --no-pager {' '.join(arguments)}").splitlines()
    return [entry for entry in map(json.loads, lines) if isinstance(entry.get("MESSAGE"), str) and "_PID" in entry]
