"""What daemon/monitoring/ names: the metrics of its alerts and of its dashboard, and the states of libraries."""

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "daemon" / "monitoring"
ALERTS = FOLDER / "alerts.yml"
DASHBOARD = FOLDER / "grafana.json"

_METRIC = r"\breeld_\w+"


def dashboard() -> dict[str, Any]:
    board = json.loads(DASHBOARD.read_text())
    assert isinstance(board, dict)
    return board


def expressions() -> list[str]:
    """The queries of the dashboard's panels."""
    return [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]


def named_metrics() -> set[str]:
    """Every metric that an alert or a panel reads."""
    rules = ALERTS.read_text()
    # Between the label and its value, `reeld_jobs{stage="..."}`, only names of metrics begin like this.
    return {name for text in (rules, *expressions()) for name in re.findall(_METRIC, text)}


def missing_in(page: str) -> set[str]:
    """The metrics that are named, and that the page does not have, not even without a value."""
    families = dict(re.findall(r"^# TYPE (\S+) (\w+)$", page, re.MULTILINE))
    endings = {"summary": ("_sum", "_count"), "gauge": ("",), "counter": ("",)}
    shown = {name + ending for name, kind in families.items() for ending in endings[kind]}
    return named_metrics() - shown


def named_states() -> set[str]:
    """The states of libraries that an alert waits for."""
    found = re.findall(r'reeld_library_state\{state=~"([^"]+)"\}', ALERTS.read_text())
    return {state for each in found for state in each.split("|")}
