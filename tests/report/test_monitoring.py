"""The alert rules and the dashboard in daemon/monitoring/ are valid, and alarm when they should.

tests/report/test_prometheus.py compares them with the page of a real daemon.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from reeld.report.prometheus import STATES
from tests.report.monitoring import ALERTS, dashboard, expressions, named_metrics, named_states
from tests.test_docs import ROOT

CASES = Path(__file__).parent / "alerts_test.yml"

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian package prometheus)"
)


def promtool(*arguments: str | Path) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_the_rules_are_valid_and_each_alarms_when_it_should(tmp_path: Path) -> None:
    shutil.copy(ALERTS, tmp_path)
    shutil.copy(CASES, tmp_path)
    assert "SUCCESS" in promtool("check", "rules", tmp_path / ALERTS.name)
    assert "SUCCESS" in promtool("test", "rules", tmp_path / CASES.name)


def test_each_alert_has_a_case_and_says_what_to_do() -> None:
    rules = ALERTS.read_text()
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert len(alerts) == len(set(alerts)) > 10
    cases = CASES.read_text()
    assert [alert for alert in alerts if not re.search(rf"alertname: {alert}\n", cases)] == []
    assert rules.count("summary: ") == rules.count("description: ") == rules.count("severity: ") == len(alerts)


def test_every_state_that_an_alert_waits_for_is_one_of_a_library() -> None:
    assert named_states() < set(STATES)
    assert len(named_states()) == len(STATES) - 1, "all but online"


@needs_promtool
def test_every_query_of_the_dashboard_is_valid(tmp_path: Path) -> None:
    """As the query of a rule, with Grafana's variables filled in."""
    queries = [query.replace("$__rate_interval", "5m").replace("$instance", ".*") for query in expressions()]
    assert not any("$" in query for query in queries)
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "panels.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", tmp_path / "panels.yml")


def test_the_panels_of_the_dashboard_have_a_place_of_their_own() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        at = panel["gridPos"]
        assert panel["title"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert x < 24
                assert (x, y) not in taken, panel["title"]
                taken.add((x, y))


def test_config_toml_names_every_metric_that_is_read() -> None:
    documented = (ROOT / "config.toml").read_text()
    for name in named_metrics():
        assert name.removesuffix("_count").removesuffix("_sum") in documented, name
