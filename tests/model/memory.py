"""What is known of the past of the disks and of the decisions, that no look at them tells now?

Contents are named by the hash of their bytes, rows by their id.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person said of a file. `title` is like no other's; None where the file was rejected."""

    title: str | None
    content: str | None
    """Which bytes the row spoke of at that moment, as far as its file could be read."""
    row_id: int


@dataclass(slots=True, kw_only=True)
class Memory:
    shared: set[str] = field(default_factory=set)
    """Contents that were copied or linked, or lay at two paths: which of them is the old one is a matter of taste."""
    transplanted: set[str] = field(default_factory=set)
    """Contents that went to another file system: the same bytes in another inode."""
    away: set[str] = field(default_factory=set)
    """Contents that were where reeld cannot look, so that something else may have taken their place in good faith."""
    refused: set[str] = field(default_factory=set)
    """Contents that nobody might read for a while, or whose folder nobody might enter."""
    touched: set[str] = field(default_factory=set)
    """Contents whose times were changed and whose bytes were not: whoever reads them again cannot know better."""
    reread: set[str] = field(default_factory=set)
    """Contents that have another row than they had, so that they were rightly hashed again."""
    requeue: set[str] = field(default_factory=set)
    """Contents that were written over others of the same size, and whose mtime was put back."""
    derived: dict[str, str] = field(default_factory=dict)
    """Contents that came to be by a change in place, and of which."""
    places: dict[str, set[tuple[str, str]]] | None = None
    """Every library and path at which a content was ever seen; None where nobody could look all the time."""

    decisions: list[Decision] = field(default_factory=list)
    owners: dict[str, int] = field(default_factory=dict)
    """The row that spoke of a content when the catalogue was last compared with the disk."""
    last: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    """Library, path and content of each row when it was last present at such a moment."""

    def decide(self, decision: Decision, *, spoken_of: str | None) -> None:
        """A person decides about these bytes, perhaps before reeld has read them.

        What was said of the same ones in another row is not theirs any more, but that row's.
        """
        is_said_anew = [
            spoken_of is not None and each.content == spoken_of and each.row_id != decision.row_id
            for each in self.decisions
        ]
        self.decisions = [
            replace(each, content=None) if is_anew else each
            for each, is_anew in zip(self.decisions, is_said_anew, strict=True)
        ]
        self.decisions.append(decision)

    def may_follow(self, content: str, older: str) -> bool:
        """Whether the content, or what it was made of in place, lay where the older one lay, or what became of that;
        certain only with `places`."""
        if self.places is None:
            return True
        there = {place for origin in self._ancestry(content) for place in self.places.get(origin, ())}
        family = [older, *(each for each in self.derived if self.comes_from(each, older))]
        return any(each == content or not there.isdisjoint(self.places.get(each, ())) for each in family)

    def contents_of_rows_below(self, library: str, folder: str) -> set[str]:
        """Of the files that lay there when the catalogue was last compared, also of those that have left since."""
        return {
            content
            for its_library, path, content in self.last.values()
            if its_library == library and f"{path}/".startswith(f"{folder}/" if folder else "")
        }

    def comes_from(self, content: str, older: str) -> bool:
        """Whether the content is the older one, changed in place any number of times."""
        return older in self._ancestry(content)

    def _ancestry(self, content: str) -> Iterator[str]:
        """It, and what it was made of in place; a file that was emptied and written anew may come round to itself."""
        seen: set[str] = set()
        origin: str | None = content
        while origin is not None and origin not in seen:
            seen.add(origin)
            yield origin
            origin = self.derived.get(origin)
