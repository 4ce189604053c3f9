"""Commands by which users decide: `validate`, `reject`, `retry`, `restore`, `libraries accept`."""

from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import Annotated, Any

import typer

from reeld.catalog import assignments, disagreements, libraries, overview, queue, views
from reeld.cli.numbers import not_found, parse_as
from reeld.cli.options import AsJson, ConfigFile, catalog_of, wants_json
from reeld.cli.output import Row, print_json, remark, say
from reeld.cli.rows import WHY_AWAITED, library_row, moment
from reeld.cli.show import file_id_of
from reeld.cli.words import minute, work_name
from reeld.database.connection import reading, writing
from reeld.domain.amounts import number_of
from reeld.domain.files import readable
from reeld.domain.identity import Reading
from reeld.domain.numbers import THING_OF_KIND, Thing, spelled
from reeld.domain.states import FileState, FileVerdict
from reeld.domain.titles import title_key
from reeld.errors import CatalogBusy, CatalogFull, NotFoundError, UsageError
from reeld.service.stage_context import now_ms

File = Annotated[str, typer.Argument(metavar="ID|PATH", help="A file's number or path.")]

# More than any season, episode or absolute number; far less than SQLite can hold.
LARGEST_NUMBER = 99_999

# A user's word is certain, and is its own evidence.
_CERTAIN: dict[str, Any] = {"score": 1.0, "evidence": ("the user said so",)}


def validate(
    file: File,
    candidate: Annotated[int | None, typer.Option(metavar="N", help="It is the candidate of this number.")] = None,
    movie: Annotated[str | None, typer.Option(metavar="TITLE", help="It is this movie.")] = None,
    year: Annotated[
        int | None, typer.Option(min=1870, max=2200, help="The movie's year, or the series' first one.")
    ] = None,
    series: Annotated[str | None, typer.Option(metavar="TITLE", help="It is an episode of this series.")] = None,
    season: Annotated[
        int | None, typer.Option(min=0, max=LARGEST_NUMBER, metavar="S", help="0 holds the specials.")
    ] = None,
    episode: Annotated[
        list[int] | None,
        typer.Option(
            min=0, max=LARGEST_NUMBER, metavar="E", help="Once for each episode in the file.", show_default=False
        ),
    ] = None,
    absolute: Annotated[
        list[int] | None,
        typer.Option(
            min=0,
            max=LARGEST_NUMBER,
            metavar="N",
            help="Absolute number, for a series without seasons.",
            show_default=False,
        ),
    ] = None,
    aired: Annotated[str | None, typer.Option(metavar="DATE", help="The day when it was aired, as 2024-03-14.")] = None,
    edition: Annotated[str | None, typer.Option(help="Director's Cut, Extended, ...")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say what a file is: one of its candidates, a movie, or episodes. Your word stands from now on."""
    if sum(choice is not None for choice in (candidate, movie, series)) != 1:
        raise UsageError("say what the file is", "give one of --candidate N, --movie TITLE or --series TITLE")
    details: dict[str, object] = {"--year": year, "--edition": edition, "--season": season}
    details |= {"--episode": episode or None, "--absolute": absolute or None, "--aired": aired}
    if candidate is not None:
        _refuse(details, (), "to change a part of a candidate, give --movie or --series instead")
    elif movie is not None:
        _refuse(details, ("--year", "--edition"), "drop it; for an episode, give --series TITLE")
    _refuse_what_is_no_text({"--movie": movie, "--series": series, "--edition": edition})
    said = None
    if movie is not None:
        said = Reading(kind="movie", title=_title(movie), year=year, edition=edition, **_CERTAIN)
    elif series is not None:
        _refuse_second_name(details)
        said = _episode_reading(series, year, season, tuple(episode or ()), tuple(absolute or ()), aired, edition)
    with _catalog_to_change(config):
        with _deciding():
            file_id = _known_file(file)
            validation_id = assignments.open_validation(file_id, now_ms())
            index, reading_ = (None, said) if said else _candidate(file_id, validation_id, candidate)
            assignments.validate(validation_id, reading_, candidate=index, key_of=title_key, now_ms=now_ms())
        _print_file(file_id, as_json=as_json)


def reject(file: File, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say that a file is none of its candidates, and belongs to no work. The video itself is not touched."""
    with _catalog_to_change(config):
        with _deciding():
            file_id = _known_file(file)
            assignments.reject(assignments.open_validation(file_id, now_ms()), now_ms())
        _print_file(file_id, as_json=as_json)


def retry(
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[ID|PATH]...", show_default=False, help="Files' numbers or paths.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All failed files.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Work again on failed files, once the cause is gone. `reeld list files` gives the reasons."""
    if bool(what) == every:
        raise UsageError("no file is given", "name failed files, or give --all; see `reeld list files`")
    not_retried: list[Row] = []
    with _catalog_to_change(config), _deciding():
        retried = queue.retry_all_failed(now_ms()) if every else 0
        for file in _files(what or ()):
            if queue.retry_failed(file["id"], now_ms()):
                retried += 1
            else:
                not_retried.append({"file": file, "reason": _why_not_retried(file)})
    if wants_json(as_json):
        print_json([{"retried_count": retried, "not_retried": not_retried}])
        return
    say(f"{number_of(retried, 'file')} will be tried again" if retried else "nothing to retry")
    for left in not_retried:
        remark(f"{readable(left['file']['path'])}: nothing to retry: {readable(left['reason'])}")


def accept(
    library: Annotated[str, typer.Argument(metavar="NAME", help="As in `reeld list libraries`.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Accept what is at a library's path now: it is the library, and files that are not there are gone.

    reeld asks for this when another disk or folder is at the path (unverified), when very many files are gone at once
    (on hold), or when a disk that was mounted below is away. Files that are not there become missing, and keep your
    decisions should they come back. No video is touched.
    """
    with _catalog_to_change(config):
        with _deciding():
            libraries.accept(library)
        (row,) = [library_row(row) for row in overview.libraries() if row["name"] == library]
    if wants_json(as_json):
        print_json([row])
    else:
        say(f"{readable(library)} is accepted; reeld rescans it within seconds, or the next scan does")


def restore(
    entry: Annotated[str, typer.Argument(metavar="ID", help="As in `reeld list trash`: t4.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Bring a movie, series or episode back from the trash, with its file."""
    trash_id = parse_as(Thing.TRASH, entry)
    with _catalog_to_change(config):
        with _deciding():
            back = assignments.restore(trash_id, now_ms())
        files = [row for file_id in back.file_ids if (row := views.file_by_id(file_id)) is not None]
    number = spelled(THING_OF_KIND[back.entity_type], back.id)
    if wants_json(as_json):
        print_json([{"id": number, "kind": back.entity_type, "files": files}])
        return
    without = "" if files or back.entity_type == "series" else ", without a file"
    say(f"{back.entity_type} {number} is back{without}")
    for file in files:
        say(f"    {readable(file['path'])}")


@contextmanager
def _catalog_to_change(config: str | None) -> Iterator[None]:
    with ExitStack() as stack:
        with _saying_that_nothing_changed():
            stack.enter_context(catalog_of(config))
        yield


@contextmanager
def _deciding() -> Iterator[None]:
    """Write a decision as a whole, or nothing of it. The names of copies may be read again."""
    with _saying_that_nothing_changed(), writing():
        yield
        disagreements.settle(now_ms())


@contextmanager
def _saying_that_nothing_changed() -> Iterator[None]:
    """Say so where the catalogue refuses: unlike the daemon, a command does not try again."""
    try:
        yield
    except (CatalogBusy, CatalogFull) as err:
        raise type(err)(f"{err}. Nothing was changed", err.hint) from err


def _files(names: Iterable[str]) -> list[Row]:
    """The files of these numbers and paths, each once. Raises one NotFoundError for all that are not there."""
    found: dict[int, Row] = {}
    missing: list[NotFoundError] = []
    for name in names:
        try:
            file = _file(name)
            found[file["id"]] = file
        except NotFoundError as err:
            missing.append(err)
    if missing:
        hints = dict.fromkeys(err.hint for err in missing if err.hint)
        raise NotFoundError("\n".join(map(str, missing)), "; ".join(hints) or None)
    return list(found.values())


def _file(name: str) -> Row:
    """The file of a number or a path. Raises UsageError or NotFoundError."""
    file_id = file_id_of(name)
    if (file := views.file_by_id(file_id)) is None:
        raise not_found(Thing.FILE, file_id)
    return file


def _known_file(name: str) -> int:
    return int(_file(name)["id"])


def _why_not_retried(file: Row) -> str:
    """Say why a file that did not fail is not retried."""
    job = overview.job_of(file["id"])
    if file["state"] == "missing":
        return "it is missing; its work goes on once it is back"
    if file["state"] == FileState.LIBRARY_REMOVED:
        return "its library is not in the configuration; its work goes on once it is there again"
    if job is None:
        return f"it is ignored: {file['reason']}" if file["verdict"] == FileVerdict.IGNORED else "all work is done"
    if job["state"] == "paused":
        return "paused until it and its library can be read; see `reeld status`"
    if job["awaited_until"] is not None:
        until = minute(moment(job["awaited_until"]) or "")
        return f"its end is awaited until {until}: {WHY_AWAITED}"
    return f"it is in work already, at stage {job['stage']}"


def _refuse(details: Mapping[str, object], allowed: Container[str], why: str) -> None:
    """Refuse details that do not count, instead of dropping them in silence."""
    for name, value in details.items():
        if value is not None and name not in allowed:
            raise UsageError(f"{name} does not fit the other options", why)


def _refuse_what_is_no_text(said: Mapping[str, str | None]) -> None:
    """Refuse text that cannot be stored as it was typed."""
    for name, text in said.items():
        try:
            (text or "").encode()
        except UnicodeEncodeError as err:
            raise UsageError(f"{name} {readable(text or '')} is not UTF-8", "type it again") from err


def _refuse_second_name(details: Mapping[str, Any]) -> None:
    """Refuse two kinds of names for one episode; only season and number can have absolute numbers beside them."""
    of_the_series = ("--year", "--edition")
    episodes, absolute = details["--episode"], details["--absolute"]
    if details["--season"] is not None and episodes:
        why = "season and number name the episode already; drop it"
        _refuse(details, (*of_the_series, "--season", "--episode", "--absolute"), why)
        if absolute and len(set(absolute)) != len(set(episodes)):
            raise UsageError("--absolute does not fit the other options", "give one for each --episode, or drop it")
    elif absolute:
        why = "the absolute number names the episode already; drop it, or give both --season and --episode"
        _refuse(details, (*of_the_series, "--absolute"), why)
    elif details["--aired"] is not None:
        why = "the day names the episode already; drop it, or give --season and --episode instead of --aired"
        _refuse(details, (*of_the_series, "--aired"), why)


def _candidate(file_id: int, validation_id: int, number: int | None) -> tuple[int, Reading]:
    """The candidate of this number as its index, from 1, and its reading. Raises UsageError."""
    if not assignments.is_open(validation_id):
        raise UsageError(
            f"nothing is pending for file {file_id}",
            f"say what it is with --movie or --series; `reeld show {file_id}` shows what was decided",
        )
    first = views.first_candidates([file_id])[file_id]
    index = 0 if number is None else number - first + 1
    chosen = assignments.candidate_of(validation_id, index)
    if chosen is None:
        offered = ", ".join(str(first + each - 1) for each in assignments.numbers_of(validation_id)) or "none"
        raise UsageError(f"file {file_id} has no candidate {number}, but {offered}", "see `reeld pending`")
    if chosen.title is None or (chosen.kind == "episode" and not _names_an_episode(chosen)):
        raise UsageError(
            f"candidate {number} is not complete",
            "give all of it with --movie, or with --series, --season and --episode",
        )
    return index, chosen


def _names_an_episode(reading_: Reading) -> bool:
    is_numbered = reading_.season_number is not None and reading_.episode_numbers
    return bool(is_numbered or reading_.absolute_numbers or reading_.air_date)


def _episode_reading(
    series: str,
    year: int | None,
    season: int | None,
    episodes: tuple[int, ...],
    absolute: tuple[int, ...],
    aired: str | None,
    edition: str | None,
) -> Reading:
    said = Reading(
        kind="episode",
        title=_title(series),
        year=year,
        season_number=season,
        episode_numbers=tuple(sorted(set(episodes))),
        absolute_numbers=tuple(sorted(set(absolute))),
        air_date=_date(aired),
        edition=edition,
        **_CERTAIN,
    )
    if not _names_an_episode(said):
        raise UsageError(
            "no episode is given", "say which episode: --season S --episode E, or --absolute N, or --aired DATE"
        )
    return said


def _title(text: str) -> str:
    if not text.strip():
        raise UsageError("the title is empty", "type it behind --movie or --series")
    return text.strip()


def _date(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as err:
        raise UsageError(f"--aired {readable(text)} is no day", "type it as 2024-03-14") from err


def _print_file(file_id: int, *, as_json: bool) -> None:
    with reading():
        row = views.file_by_id(file_id)
    if row is None:
        return
    if wants_json(as_json):
        print_json([row])
    else:
        what = work_name(row) if row["kind"] else row["verdict"]
        say(f"{readable(row['path'])}: {what}")
