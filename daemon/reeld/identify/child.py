"""The process that reads names, `python -m reeld.identify.child`: a hostile name can be stopped
there.

A request is {"clues": [clues, ...]}, its answer {"verdicts": [verdict, ...]} in the same order. An
answer may end early: the parent asks again for the rest.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from reeld.domain.identity import Clues
from reeld.identify.json_codec import clues_from_wire, verdict_to_wire
from reeld.identify.verdict import identify
from reeld.sandbox import Limits, serve

# guessit loads its tables of languages and countries when it first needs them. Later no file can
# be opened.
_WARMING = (
    "The.Office.US.S03E10.FRENCH.720p.WEB-DL.DD5.1.H.264-GRP.mkv",
    "[Group] Title - 12v2 (1080p) [F02B9CEE] [Multi-Subs].mkv",
    "Film.Title.2019.German.DL.eng.sub.Directors.Cut.PROPER.1080p.BluRay.x264-GRP.mkv",
    "Show (2010) - 2024-03-14 - Part 2 - Title VOSTFR pt-br 23.976fps 3.5GB.mkv",
    "Фильм (2001) 2 сезон 3 серия.avi",
)


LONGEST_READING_S = 0.5
"""Of one answer. guessit may take 20 ms a name, so the whole of a large batch could exceed the time
limit, and no name would be to blame.
"""


def answer(
    request: dict[str, Any], _descriptors: Sequence[int] = (), *, clock: Callable[[], float] = time.monotonic
) -> dict[str, Any]:
    """Read at least the first of the names, and more of them while there is time."""
    end = clock() + LONGEST_READING_S
    verdicts: list[dict[str, Any]] = []
    for clues in request["clues"]:
        verdicts.append(verdict_to_wire(identify(clues_from_wire(clues))))
        if clock() >= end:
            break
    return {"verdicts": verdicts}


def main() -> None:
    for name in _WARMING:
        identify(Clues(path=name))
    serve(answer, Limits.inherited())


if __name__ == "__main__":
    main()
