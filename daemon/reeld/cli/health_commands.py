"""`doctor`: is all well, and what is to be done where it is not?"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict

import typer

from reeld.cli.options import AsJson, ConfigFile, config_of, wants_json
from reeld.cli.output import Row, print_json, say
from reeld.diagnose.health import Finding
from reeld.domain.files import readable
from reeld.errors import ConfigError


def doctor(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check everything that reeld needs, also beside the daemon, and say what to do. Nothing is changed.

    The exit code is 0 when nobody has to do anything, 78 for a configuration that cannot be used, 69 for any other
    problem. What is only worth knowing is a note, and does not count.
    """
    found: list[Finding] = []
    findings = _kept(_examined(config), found)
    if wants_json(as_json):
        print_json(map(as_row, findings))
    else:
        for finding in findings:
            say(in_a_line(finding))
    problems = [finding for finding in found if finding.level == "problem"]
    if any(finding.check == "configuration" and finding.level == "problem" for finding in found[:1]):
        raise typer.Exit(os.EX_CONFIG)
    if problems:
        raise typer.Exit(os.EX_UNAVAILABLE)


def as_row(finding: Finding) -> Row:
    return asdict(finding)


def in_a_line(finding: Finding) -> str:
    """For a person: `problem  events (Films): ...`."""
    about = f" ({readable(finding.about)})" if finding.about else ""
    lines = [readable(line) for line in finding.message.splitlines()]
    return f"{finding.level:8} {finding.check}{about}: " + "\n         ".join(lines)


def _examined(config: str | None) -> Iterator[Finding]:
    from reeld.diagnose.doctor import examine

    try:
        settings = config_of(config)
    except ConfigError as err:
        for complaint in err.complaints:
            yield Finding(check="configuration", level="problem", message=f"{err.source}: {complaint}")
        return
    yield from examine(settings)


def _kept(findings: Iterable[Finding], kept: list[Finding]) -> Iterator[Finding]:
    for finding in findings:
        kept.append(finding)
        yield finding
