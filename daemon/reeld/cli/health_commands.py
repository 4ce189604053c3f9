"""`doctor`: checks everything that reeld needs, and says what to do."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace

import typer

from reeld.cli.options import AsJson, ConfigFile, config_of, wants_json
from reeld.cli.output import print_json, say
from reeld.cli.rows import finding_row
from reeld.diagnose.health import Finding
from reeld.domain.files import readable
from reeld.errors import ConfigError
from reeld.service.instance_lock import status_of
from reeld.service.reload import config_in_force


def doctor(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check everything that reeld needs, and say what to do. Nothing is changed; the daemon may run.

    The exit code is 0 without a problem, 78 for a configuration that cannot be used, 69 for any other problem. Notes
    call for no action and do not count.
    """
    found: list[Finding] = []
    findings = _kept(_examined(config), found)
    if wants_json(as_json):
        print_json(map(finding_row, findings))
    else:
        for finding in findings:
            say(in_a_line(finding))
    problems = [finding for finding in found if finding.level == "problem"]
    if any(finding.check == "configuration" and finding.level == "problem" for finding in found[:1]):
        raise typer.Exit(os.EX_CONFIG)
    if problems:
        raise typer.Exit(os.EX_UNAVAILABLE)


def in_a_line(finding: Finding) -> str:
    """Write a finding for people: `problem  events (Films): ...`."""
    about = f" ({readable(finding.about)})" if finding.about else ""
    lines = [readable(line) for line in finding.message.splitlines()]
    if finding.hint:
        first, *more = map(readable, finding.hint.splitlines())
        lines += [f"hint: {first}", *(f"      {line}" for line in more)]
    return f"{finding.level:8} {finding.check}{about}: " + "\n         ".join(lines)


def _examined(config: str | None) -> Iterator[Finding]:
    from reeld.diagnose.doctor import examine

    try:
        settings = config_of(config)
    except ConfigError as err:
        for complaint in err.complaints:
            yield Finding(check="configuration", level="problem", message=f"{err.source}: {complaint}")
        return
    running = status_of(settings.database_path)
    in_force = None if running is None else config_in_force(running)
    if running is not None and in_force is not None and in_force.libraries != settings.libraries:
        file = readable(settings.source or "the built-in defaults")
        message = f"the libraries below are those of the running reeld (process {running.pid}), not those of {file}"
        yield Finding(check="configuration", level="note", message=message)
        settings = replace(settings, libraries=in_force.libraries)
    yield from examine(settings)


def _kept(findings: Iterable[Finding], kept: list[Finding]) -> Iterator[Finding]:
    for finding in findings:
        kept.append(finding)
        yield finding
