"""Names every command, and loads a command's module only when the command is chosen.

To add a command, write a function in a module of this folder, and one line in TABLE. `tests/cli/test_start.py` compares
the two.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from reeld.cli.options import remember_options


class Command(NamedTuple):
    """`function` is `module:name`, in this folder. `summary` repeats the first sentence of its docstring."""

    function: str
    summary: str


class Commands(NamedTuple):
    """A group of commands, such as `list`."""

    commands: Mapping[str, Command]
    summary: str


TABLE: Mapping[str, Command | Commands] = {
    "run": Command("run_scan:run", "Watch the libraries until SIGTERM or Ctrl-C."),
    "scan": Command(
        "run_scan:scan",
        "Bring the catalogue up to date once, without the daemon; all libraries, or only these folders.",
    ),
    "status": Command(
        "status:status",
        "Show whether reeld runs, how the libraries are, what the catalogue holds, and what work is left.",
    ),
    "show": Command("show:show", "Show all that is known of a file, a movie or a series."),
    "search": Command(
        "search:search_titles",
        "Search for films, series, episodes, and files that are not identified; exact titles come first.",
    ),
    "duplicates": Command(
        "duplicates:list_duplicates",
        "List files that are there more than once: copies, candidates, versions of a work, links; nothing is deleted.",
    ),
    "missing": Command(
        "missing:missing",
        "List the episodes that series lack by their numbers; specials and what comes last are not known.",
    ),
    "stats": Command(
        "stats:stats",
        "Count files, hours and bytes by library, resolution, codec, language and more, and show the free space.",
    ),
    "verify": Command(
        "verify:verify_files",
        "Read files again and compare them with their hashes; the longest unverified first.",
    ),
    "pending": Command("show:pending", "List the files that wait for your decision, with the candidates."),
    "validate": Command("review:validate", "Say what a file is: one of its candidates, a movie, or episodes."),
    "reject": Command("review:reject", "Say that a file is none of its candidates, and belongs to no work."),
    "retry": Command("review:retry", "Work again on failed files, once the cause is gone."),
    "restore": Command("review:restore", "Bring a movie, series or episode back from the trash, with its file."),
    "identify": Command(
        "identify:identify",
        "Show what reeld makes of names alone: the verdict, the confidence, and the evidence.",
    ),
    "backup": Command(
        "backup_export:backup",
        "Copy the catalogue into a new file, also while the daemon runs; the copy is checked.",
    ),
    "restore-backup": Command("backup_export:restore_backup", "Go back to a backup, with reeld stopped."),
    "export": Command(
        "backup_export:export_all",
        "Print the whole catalogue as JSON Lines, also while the daemon runs; `reeld import` takes it back.",
    ),
    "import": Command("backup_export:import_all", "Make a new catalogue of an export, with reeld stopped."),
    "doctor": Command("health_commands:doctor", "Check everything that reeld needs, and say what to do."),
    "config": Commands(
        {
            "check": Command("run_scan:check", "Check a configuration file, and show every error in it at once."),
            "drop-in": Command(
                "run_scan:print_drop_in",
                "Print what this configuration adds to the systemd unit: the order of mounts, another catalogue.",
            ),
            "diff": Command(
                "config_commands:diff",
                "Show what a new configuration would change for the catalogue, by names alone; nothing is changed.",
            ),
        },
        "Look at the configuration.",
    ),
    "list": Commands(
        {
            "movies": Command("lists:list_movies", "List movies with their files."),
            "series": Command("lists:list_series", "List series with the number of their episodes."),
            "episodes": Command("lists:list_episodes", "List episodes with their files."),
            "files": Command(
                "lists:list_files",
                "List every video that is not ignored, with what it is or the reason why that is not known.",
            ),
            "ignored": Command(
                "lists:list_ignored",
                "List ignored videos (samples, trailers, what the rules exclude) with the reason.",
            ),
            "sidecars": Command(
                "lists:list_sidecars",
                "List subtitles, .nfo files and pictures with the video to which each belongs.",
            ),
            "libraries": Command("lists:list_libraries", "List the watched folders and their states."),
            "trash": Command(
                "lists:list_trash",
                "List removed movies, series and episodes; `reeld restore ID` brings one back.",
            ),
            "backups": Command(
                "lists:list_backups",
                "List backups of the catalogue, newest first; `reeld restore-backup FILE` goes back to one.",
            ),
        },
        "List what the catalogue holds.",
    ),
    "libraries": Commands(
        {
            "accept": Command(
                "review:accept",
                "Accept what is at a library's path now: it is the library, and files that are not there are gone.",
            ),
        },
        "Decide about a library as a whole.",
    ),
}


class Group(TyperGroup):
    """The commands of a table. Only the chosen one is loaded; the help shows the table's own sentences."""

    def __init__(self, *, table: Mapping[str, Command | Commands] = TABLE, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = _LazyCommands(table)
        self._table = table

    def get_params(self, ctx: Any) -> list[Any]:
        return _sparing_pydantic(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        return list(self._table)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - typer's signature
        """Write whole sentences. Without its markup typer would cut each off at the end of a line."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self._table.items()])


class _LazyCommands(Mapping[str, Any]):
    """typer's commands by their names. A command is loaded when it is taken out."""

    def __init__(self, table: Mapping[str, Command | Commands]) -> None:
        self._table = table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, name: str) -> Any:
        entry = self._table[name]
        if isinstance(entry, Commands):
            options = _command(name, remember_options)
            return Group(
                table=entry.commands,
                name=name,
                help=entry.summary,
                params=options.params,
                callback=options.callback,
                no_args_is_help=True,
                rich_markup_mode=None,
            )
        module, function = entry.function.split(":")
        return _command(name, getattr(import_module(f"reeld.cli.{module}"), function))


def _command(name: str, function: Callable[..., None]) -> Any:
    """Have typer read the arguments and options of a function."""
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone.command(name, cls=_OneCommand)(function)
    return typer.main.get_command(alone)


class _OneCommand(TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return list(super().parse_args(ctx, self._with_negations(args)))

    def _with_negations(self, args: list[str]) -> list[str]:
        """Let `-codec:hevc` be a part of the query: with a blank before it, it is no option.

        The word behind an option that takes a value is left alone: `--sort -size`.
        """
        if not any(parameter.name == "query" for parameter in self.params):
            return args
        options = [parameter for parameter in self.params if parameter.param_type_name == "option"]
        valued = {name for option in options if not getattr(option, "is_flag", False) for name in option.opts}
        own = {name for option in options for name in option.opts}
        before = [None, *args]
        return [
            f" {arg}" if arg[:1] == "-" and arg[1:2] not in ("", "-") and arg not in own and last not in valued else arg
            for last, arg in zip(before, args, strict=False)
        ]

    def get_params(self, ctx: Any) -> list[Any]:
        return _sparing_pydantic(super().get_params(ctx))


def _sparing_pydantic(parameters: list[Any]) -> list[Any]:
    """The same parameters, which load pydantic only where a value has to be converted."""
    for parameter in parameters:
        if "get_runtime_param" not in vars(parameter):
            parameter.get_runtime_param = partial(_Conversion, parameter.get_runtime_param)
    return parameters


class _Conversion:
    """Gives text as it was typed, and all else to typer.

    typer begins each conversion by loading pydantic, also that of text. This takes half as long as a whole
    `reeld list`.
    """

    def __init__(self, load_typers_own: Callable[[], Any]) -> None:
        self._load_typers_own = load_typers_own

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        is_list = param.multiple or param.nargs == -1
        if value is None:
            return () if is_list else None
        if param.type_descriptor.annotation == (list[str] if is_list else str):
            return value
        return self._load_typers_own().coerce(value, param, ctx)
