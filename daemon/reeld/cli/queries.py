"""The options of all commands that take a query, and what they lead to."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reeld.cli.options import AsJson, wants_json
from reeld.cli.output import remark
from reeld.cli.tables import Shape
from reeld.domain.amounts import number_of
from reeld.domain.files import readable
from reeld.errors import CatalogError, UsageError

if TYPE_CHECKING:
    from reeld.config import Config
    from reeld.query.ask import Query
    from reeld.query.fields import FieldMeaning

QueryWords = Annotated[
    list[str] | None,
    typer.Argument(metavar="QUERY", help="What to look for; daemon/QUERIES.md explains it.", show_default=False),
]
Sort = Annotated[
    str | None,
    typer.Option("--sort", metavar="NAMES", help="Sort by these, parted by commas; -size begins with the largest."),
]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=0, help="Print at most N.")]
Columns = Annotated[
    str | None,
    typer.Option("--columns", metavar="KEYS", help="Print these keys of the JSON objects, parted by commas."),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="Print json (as --json does), csv, table, tabs, or paths0: paths, each with a zero byte behind it.",
    ),
]
Header = Annotated[bool, typer.Option("--header", help="Print the columns' names above the tabs.")]

# How long a command works on the search index before it answers. What is left then is told.
_INDEXING_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the options of a command that takes a query ask for."""

    words: Sequence[str]
    order: Sequence[str]
    limit: int | None
    shape: Shape

    def shape_in(self, config: "Config") -> Shape:
        """The shape, with paths below the libraries of this configuration."""
        return replace(self.shape, roots=[library.path for library in config.libraries])

    def understood(self, config: "Config") -> "Query":
        """Understand the query, with the catalogue open. Raises QueryError."""
        from reeld.query.fields import FIELDS

        return understood(" ".join(_quoted(word, FIELDS) for word in self.words), config)


def _quoted(word: str, fields: "Mapping[str, FieldMeaning]") -> str:
    """Give back the quotes that the shell took from `series:"Quiet Kin"`. Leave a whole query in one word as it is."""
    name, _, value = word.partition(":")
    meaning = fields.get(name.strip().removeprefix("-").casefold())
    is_value = meaning is not None and not meaning.is_list and " " in value.strip() and not _IS_QUERY.search(value)
    return f'{name}:"{value.strip()}"' if is_value else word


# What stands in a value that goes on as a query: another field, `or`, quotes, brackets.
_IS_QUERY = re.compile(r'["()]|\s-?\w+:\S|\sor\s', re.IGNORECASE)


def takes_query(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of all that take a query, and call it with them as its `request`.

    typer reads a command's options from its signature, so they are written into that.
    """

    @wraps(command)
    def with_request(**options: Any) -> None:
        words, sort, limit = (options.pop(name) for name in ("query", "sort", "limit"))
        columns, form, header = (options.pop(name) for name in ("columns", "form", "header"))
        shape = _shape(columns, form, has_header=header, as_json=options.pop("as_json"))
        command(request=Request(words=words or (), order=_parted(sort), limit=limit, shape=shape), **options)

    own = [each for each in signature(command, eval_str=True).parameters.values() if each.name != "request"]
    common = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _OPTIONS.items()
    ]
    keyword_only = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in own]
    new = Signature([common[0], *keyword_only, *common[1:]])
    with_request.__signature__ = new  # type: ignore[attr-defined]
    with_request.__annotations__ = {name: each.annotation for name, each in new.parameters.items()}
    return with_request


_OPTIONS: dict[str, tuple[Any, Any]] = {
    "query": (QueryWords, None),
    "sort": (Sort, None),
    "limit": (Limit, None),
    "columns": (Columns, None),
    "form": (Format, None),
    "header": (Header, False),
    "as_json": (AsJson, False),
}


def _shape(columns: str | None, form: str | None, *, has_header: bool, as_json: bool) -> Shape:
    as_json = wants_json(as_json)
    form = "json" if form is None and as_json else form
    if form not in (None, "json", "csv", "table", "tabs", "paths0"):
        raise UsageError(f"there is no format {readable(str(form))}", "choose from json, csv, table, tabs, paths0")
    if as_json and form != "json":
        raise UsageError(f"--json and --format {form} contradict each other", "leave one of them out")
    return Shape(form=form, keys=_parted(columns), has_header=has_header)


def plain_shape(as_json: bool) -> Shape:
    """Take the one option for output that every command has."""
    return _shape(None, None, has_header=False, as_json=as_json)


def _parted(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def understood(text: str, config: "Config") -> "Query":
    """Understand a query, with the catalogue open. Raises QueryError.

    Bring the search index up to date first, as far as that takes a moment: it has what titles are sorted by, too. If
    the query searches for words, say on standard error what is not in the index yet.
    """
    from reeld.query.ask import understand
    from reeld.query.search_index import count_waiting, fill_index

    query = understand(text, {saved.name: saved.query for saved in config.queries}, datetime.now(UTC))
    until_s = time.monotonic() + _INDEXING_S
    # A user who may only read, a full disk, another writer: the index is used as it is.
    with suppress(CatalogError):
        fill_index(lambda: time.monotonic() < until_s)
    if query.searches_words and (waiting := count_waiting()):
        remark(f"{number_of(waiting, 'title')} or names are not in the search index yet, and cannot be found")
    return query
