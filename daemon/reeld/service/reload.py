"""Reloads the configuration of a running reeld: all of it is taken over, or nothing."""

from collections.abc import Callable
from dataclasses import replace

from reeld.config import Config, as_named, parse_config
from reeld.domain.files import readable
from reeld.domain.status import RunningStatus
from reeld.errors import ConfigError, ReeldError
from reeld.log import configure_log, get_logger

log = get_logger()


class Reloading:
    """The configuration in force, and the error of the file that should replace it."""

    def __init__(self, config: Config, read: Callable[[], Config]) -> None:
        self.config = config
        self.complaint: str | None = None
        """Why the file, as last read, is not in force. None if it is."""
        self._read = read

    def has_found_another(self) -> bool:
        """Read the file again. Return True if it is valid and differs, and is now in `config`."""
        before = self.config
        try:
            found = self._read()
            _require_same_database(before, found)
        except ReeldError as err:
            configure_log(before.log)
            self.complaint = err.with_hint
            log.error("config.refused", reason=err.with_hint)  # noqa: TRY400 - a user's mistake needs no traceback
            return False
        self.config, self.complaint = found, None
        log.info("config.read", path=found.source, is_changed=found != before)
        return found != before


def config_in_force(status: RunningStatus) -> Config | None:
    """Read the configuration of a running reeld. None if it does not say.

    A scan says none. A reeld of another version may have keys that this one refuses.
    """
    if not status.config:
        return None
    try:
        found = parse_config(status.config, source=None, base="/", environment={}, real_paths=as_named)
        return replace(found, only_library=status.only_library)
    except ConfigError:
        return None


def _require_same_database(before: Config, found: Config) -> None:
    """Refuse another catalogue: the lock and the right to write are for this one."""
    if found.database_path != before.database_path:
        was, is_now = readable(before.database_path), readable(found.database_path)
        complaint = f"[database] path was {was} and is {is_now} now; restart reeld to use another catalogue"
        raise ConfigError(found.source or "the configuration", [complaint])
