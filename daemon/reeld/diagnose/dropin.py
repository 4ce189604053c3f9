"""Writes the systemd drop-in that lets `systemd/reeld.service` work with a configuration.

A library's disk is only ordered (After=), because reeld waits for it by itself. The catalogue's disk is required. A
path's mounts are named as systemd would call their units (systemd.mount(5)), whether they exist or not. That covers a
disk that is absent today, and one without a line in /etc/fstab.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator

from reeld.config import Config, MetricsSettings
from reeld.domain.files import readable
from reeld.errors import UsageError
from reeld.watch.mounts import mounted_below

STATE_DIRECTORY = "/var/lib/reeld"
"""The folder of `StateDirectory=reeld`, the only one that the unit may write to."""

# systemd accepts no longer name.
LONGEST_UNIT_NAME = 255

# With PrivateTmp=yes the unit sees private folders under these names.
_REPLACED = ("/tmp", "/var/tmp")  # noqa: S108 - nothing is written there


def drop_in(config: Config, real_path: Callable[[str], str]) -> str:
    """Return the text of a drop-in for the system unit. `real_path` resolves a library's symbolic links."""
    libraries = [library.path for library in config.libraries]
    state = os.path.dirname(config.database_path)
    unit = [*_after(libraries, real_path)]
    service = [f"BindReadOnlyPaths=-{quoted(path)}" for path in libraries if _lies_below(path, _REPLACED)]
    if not _lies_below(state, (STATE_DIRECTORY,)):
        # Otherwise reeld would create an empty catalogue on an empty mount point.
        unit.append(f"RequiresMountsFor={quoted(state)}")
        service.append(f"ReadWritePaths={quoted(state)}")
        service.append(f"NoExecPaths={quoted(state)}")
        service += [f"ReadOnlyPaths=-{quoted(path)}" for path in libraries if _lies_below(path, (state,))]
    if config.database_group:
        # Its members may enter the folder, and reeld gives them the files.
        service.append(f"Group={config.database_group}")
        service.append("StateDirectoryMode=0750")
        service.append("SystemCallFilter=@chown")
    service += _for_metrics(config.metrics)
    source = quoted(config.source or "the built-in configuration")
    head = f"# What {source} needs, as `reeld config drop-in` printed it."
    return "\n".join([head, *_section("Unit", unit), *_section("Service", service), ""])


def _for_metrics(metrics: MetricsSettings) -> Iterator[str]:
    if metrics.textfile_directory:
        yield f"ReadWritePaths=-{quoted(metrics.textfile_directory)}"
        yield f"NoExecPaths=-{quoted(metrics.textfile_directory)}"
    if metrics.port:
        # Only this machine may connect.
        yield "PrivateNetwork=no"
        yield "RestrictAddressFamilies=AF_INET"
        yield "IPAddressAllow=localhost"


def _section(name: str, lines: list[str]) -> list[str]:
    return ["", f"[{name}]", *lines] if lines else []


def _after(libraries: Iterable[str], real_path: Callable[[str], str]) -> Iterator[str]:
    """Yield a line for each library: the mount units at it, above it, and (those of today) below it."""
    for library in libraries:
        real = real_path(library)
        places = [*_at_and_above(library), *_at_and_above(real), *(each.mount_point for each in mounted_below(real))]
        units = [unit for unit in dict.fromkeys(map(mount_unit, places)) if len(unit) <= LONGEST_UNIT_NAME]
        if units:
            yield f"After={' '.join(units)}"


def _at_and_above(path: str) -> list[str]:
    """Return the path and the folders above it, from the top, without the root itself."""
    parts = [part for part in path.split("/") if part]
    return ["/" + "/".join(parts[: count + 1]) for count in range(len(parts))]


def _lies_below(path: str, folders: Iterable[str]) -> bool:
    """Tell whether the path is one of these folders, or in one."""
    return any(os.path.commonpath((path, folder)) == folder for folder in folders)


def mount_unit(path: str) -> str:
    """Return the unit name of a mount at this path (not the root), as `systemd-escape --path` does."""
    name = os.fsencode(path.strip("/").replace("/", "\0"))
    escaped = re.sub(rb"^\.|[^\0A-Za-z0-9:_.]", lambda found: b"\\x%02x" % ord(found[0]), name)
    return escaped.replace(b"\0", b"-").decode("ascii") + ".mount"


def quoted(path: str) -> str:
    """Quote a path as one word of a unit file (systemd.syntax(7)). `%` is doubled, since it begins a specifier."""
    if "\n" in path:
        raise UsageError(f"{readable(path)} has a line end in its name, which no unit file can express", "rename it")
    return '"' + re.sub(r'["\\]', r"\\\g<0>", path).replace("%", "%%") + '"'
