"""Commands by which a person decides: `validate`, `reject`, `retry`, `restore`, `libraries accept`."""

from collections.abc import Container, Iterable, Mapping
from datetime import date
from typing import Annotated, Any

import typer

from reeld.catalog import assignments, libraries, queue, views
from reeld.cli.list_show import WHY_AWAITED, file_id_of, no_such_number, number_in
from reeld.cli.options import AsJson, ConfigFile, catalog_of, wants_json
from reeld.cli.output import Row, complain, minute, print_json, say, work_name
from reeld.database.connection import reading, writing
from reeld.domain.amounts import number_of
from reeld.domain.files import readable
from reeld.domain.identity import Reading
from reeld.errors import NotFoundError, UsageError
from reeld.identify.titles import title_key
from reeld.service.stage_context import now_ms

Question = Annotated[str, typer.Argument(metavar="ID|PATH", help="The question's number, or the file's path.")]


# More than any season, episode or absolute number that ever was; far less than SQLite can hold.
LARGEST_NUMBER = 99_999
LARGEST_ID = 2**63 - 1

# What a person says is certain, and its own evidence.
_CERTAIN: dict[str, Any] = {"score": 1.0, "evidence": ("a person said so",)}


def validate(
    question: Question,
    candidate: Annotated[int | None, typer.Option(metavar="N", help="It is the candidate of this number.")] = None,
    movie: Annotated[str | None, typer.Option(metavar="TITLE", help="It is this film.")] = None,
    year: Annotated[
        int | None, typer.Option(min=1870, max=2200, help="Of the film, or the series' first year.")
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
    aired: Annotated[str | None, typer.Option(metavar="DATE", help="The day it was aired, as 2024-03-14.")] = None,
    edition: Annotated[str | None, typer.Option(help="Director's Cut, Extended, ...")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say what a file is: one of the candidates, a film, or episodes. It takes effect at once, and for good."""
    if sum(choice is not None for choice in (candidate, movie, series)) != 1:
        raise UsageError("say what the file is with one of --candidate N, --movie TITLE or --series TITLE")
    details: dict[str, object] = {"--year": year, "--edition": edition, "--season": season}
    details |= {"--episode": episode or None, "--absolute": absolute or None, "--aired": aired}
    if candidate is not None:
        _refuse(details, (), "the candidate says all; to say it otherwise, use --movie or --series instead")
    elif movie is not None:
        _refuse(details, ("--year", "--edition"), "a film has none; for an episode, use --series TITLE")
    _refuse_what_is_no_text({"--movie": movie, "--series": series, "--edition": edition})
    said = None
    if movie is not None:
        said = Reading(kind="movie", title=_title(movie), year=year, edition=edition, **_CERTAIN)
    elif series is not None:
        _refuse_second_name(details)
        said = _episode_reading(series, year, season, tuple(episode or ()), tuple(absolute or ()), aired, edition)
    with catalog_of(config):
        with writing():
            question_id = _question_id(question)
            reading_ = said or _candidate(question_id, candidate)
            assignments.validate(question_id, reading_, candidate=candidate, key_of=title_key, now_ms=now_ms())
        _tell(question_id, as_json=as_json)


def reject(question: Question, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say that a file is none of its candidates and shall not be filed. Nothing happens to the file itself."""
    with catalog_of(config):
        with writing():
            question_id = _question_id(question)
            assignments.reject(question_id, now_ms())
        _tell(question_id, as_json=as_json)


def retry(
    what: Annotated[list[str] | None, typer.Argument(metavar="[ID|PATH]...", show_default=False)] = None,
    every: Annotated[bool, typer.Option("--all", help="All files that were set aside.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Work again on files that were set aside, since what hindered them is mended. ID as in `reeld list files`."""
    if bool(what) == every:
        raise UsageError("name the files that were set aside, or all of them with --all; see `reeld list files`")
    not_retried: list[Row] = []
    with catalog_of(config), writing():
        retried = queue.retry_all_failed(now_ms()) if every else 0
        for file in _files(what or ()):
            if queue.retry_failed(file["id"], now_ms()):
                retried += 1
            else:
                not_retried.append({"id": file["id"], "path": file["path"], "why": _why_not_retried(file)})
    if wants_json(as_json):
        print_json([{"retried": retried, "not_retried": not_retried}])
        return
    say(f"{number_of(retried, 'file')} to be tried again, once each can be looked at")
    for left in not_retried:
        complain(f"{readable(left['path'])}: nothing to try again: {readable(left['why'])}")


def accept(
    library: Annotated[str, typer.Argument(metavar="NAME", help="As in `reeld list libraries`.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say that what is at a library's path now is the library, and that the files which are not there are gone.

    reeld asks for this word when another disk or folder is at the path (suspect), when very many files are gone at
    once (held), or when a disk that was mounted below is away. What is not there is then recorded as missing; what
    was decided about it stays, should it ever come back. Nothing happens to any file.
    """
    with catalog_of(config), writing():
        libraries.accept(library)
    if wants_json(as_json):
        print_json([{"accepted": library}])
    else:
        say(f"{readable(library)} is accepted as it is; reeld looks at it again within seconds, or at the next scan")


def restore(
    number: Annotated[int, typer.Argument(metavar="ID", max=LARGEST_ID)],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Bring a movie, series or episode back from the trash, with its file. ID as in `reeld list trash`."""
    with catalog_of(config):
        with writing():
            back = assignments.restore(number, now_ms())
        paths = [row["path"] for file_id in back.file_ids if (row := views.file_by_id(file_id)) is not None]
    if wants_json(as_json):
        print_json([{"entity_type": back.entity_type, "id": back.id, "files": list(back.file_ids)}])
        return
    say(f"{back.entity_type} {back.id} is back" + ("" if paths or back.entity_type == "series" else ", without a file"))
    for path in paths:
        say(f"    {readable(path)}")


def _files(names: Iterable[str]) -> list[Row]:
    """The files of these numbers and paths, each once. Raises NotFoundError, which names all that are not there."""
    found: dict[int, Row] = {}
    missing: list[NotFoundError] = []
    for name in names:
        try:
            file = views.file_by_id(file_id_of(name))
            if file is None:
                raise no_such_number(name)
            found[file["id"]] = file
        except NotFoundError as err:
            missing.append(err)
    if missing:
        hints = dict.fromkeys(err.hint for err in missing if err.hint)
        raise NotFoundError("\n".join(map(str, missing)), "; ".join(hints) or None)
    return list(found.values())


def _why_not_retried(file: Row) -> str:
    """Of a file that was not set aside."""
    job = views.job_of(file["id"])
    if file["state"] == "missing":
        return "it is missing; what is left is done once it is back"
    if job is None:
        return f"it is ignored: {file['reason']}" if file["verdict"] == "ignored" else "all is done"
    if job["state"] == "paused":
        return "it waits until it, or its library, can be looked at; see `reeld status`"
    if job["awaited_until"] is not None:
        return f"its end is awaited until {minute(job['awaited_until'])}, since {WHY_AWAITED}"
    return f"it is in work already, at the stage {job['stage']}"


def _question_id(question: str) -> int:
    """A number is a question's, a path is a file's."""
    if (number := number_in(question)) is not None:
        return number
    return assignments.open_question(file_id_of(question), now_ms())


def _refuse(details: Mapping[str, object], allowed: Container[str], why: str) -> None:
    """A detail that would be dropped in silence is said to be wrong: who gave it meant something by it."""
    for name, value in details.items():
        if value is not None and name not in allowed:
            raise UsageError(f"{name} does not go with the rest: {why}")


def _refuse_what_is_no_text(said: Mapping[str, str | None]) -> None:
    """What a person decided is kept as it was said, or not at all."""
    for name, text in said.items():
        try:
            (text or "").encode()
        except UnicodeEncodeError as err:
            raise UsageError(f"{name} {readable(text or '')} is no text: it is not UTF-8; write it again") from err


def _refuse_second_name(details: Mapping[str, Any]) -> None:
    """An episode is known by one kind of name; only season and number can have absolute numbers beside them."""
    of_the_series = ("--year", "--edition")
    episodes, absolute = details["--episode"], details["--absolute"]
    if details["--season"] is not None and episodes:
        why = "its season and number say which episode it is; leave it out"
        _refuse(details, (*of_the_series, "--season", "--episode", "--absolute"), why)
        if absolute and len(set(absolute)) != len(set(episodes)):
            raise UsageError("--absolute does not go with the rest: say one for each --episode, or leave it out")
    elif absolute:
        why = "its absolute number says which episode it is; leave it out, or say both --season and --episode"
        _refuse(details, (*of_the_series, "--absolute"), why)
    elif details["--aired"] is not None:
        why = "the day says which episode it is; leave it out, or say --season and --episode instead of --aired"
        _refuse(details, (*of_the_series, "--aired"), why)


def _candidate(question_id: int, number: int | None) -> Reading:
    if not assignments.is_open(question_id):
        # Its candidates are not what the person sees now, or somebody has answered already.
        raise UsageError(
            f"question {question_id} is not open any more; see `reeld pending`, or say --movie or --series"
        )
    candidates = assignments.candidates_of(question_id)
    if number is None or not 1 <= number <= len(candidates):
        raise UsageError(
            f"question {question_id} has {number_of(len(candidates), 'candidate')}, and {number} is none of them"
        )
    chosen = candidates[number - 1]
    if chosen.title is None or (chosen.kind == "episode" and not _names_an_episode(chosen)):
        raise UsageError(
            f"candidate {number} is not complete; say the missing parts with --movie or --series, --season, --episode"
        )
    return chosen


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
        raise UsageError("say which episode it is: --season S --episode E, or --absolute N, or --aired DATE")
    return said


def _title(text: str) -> str:
    if not text.strip():
        raise UsageError("the title must not be empty")
    return text.strip()


def _date(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as err:
        raise UsageError(f"{text} is not a day; write it as 2024-03-14") from err


def _tell(question_id: int, *, as_json: bool) -> None:
    with reading():
        row = views.file_by_id(assignments.file_of(question_id))
    if row is None:
        return
    if wants_json(as_json):
        print_json([row])
    else:
        what = work_name(row) if row["kind"] else row["verdict"]
        say(f"{readable(row['path'])}: {what}")
