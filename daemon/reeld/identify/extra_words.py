"""Finds the words that say that a video is no film and no numbered episode, where no title has them.

A word alone proves nothing, since each is a title, too. Its place counts: behind a film's year, at the
end of a longer title, directly behind an episode's number.
"""

import re

# Extras that lie beside their film under its name; "with Commentary", "Fan Cut" and the like are
# versions.
_BEHIND_YEAR = re.compile(
    r"(?<![^\W_])(?:(?:official[ ._-])?(?:trailers?|tr[aá]iler|трейлер|тизер)|予告編?|teaser|sample|proof|featurettes?"
    r"|bande[ ._-]annonce|tv[ ._-]spots?|promo"
    r"|making[ ._-]of|behind[ ._-]the[ ._-]scenes|(?:deleted|extended|alternate)[ ._-](?:scenes?|endings?)"
    r"|interviews?|gag[ ._-]reel|bloopers?|outtakes?|bonus(?:material)?|extras|q&a|premiere|story[ ._-]?boards?"
    r"|supplements?|vorschau|avance|anteprima|zwiastun|docu(?:mentary)?|doku|(?:audio)?kommentar"
    r"|commentary[ ._-]on)(?![^\W_])",
    re.IGNORECASE,
)
# `Film Deleted Scenes (2012)`: a whole title may be called so, but then the folder has it, too.
_AT_END = re.compile(
    r"(?<=[^\W_])(?<!^the)(?<!^an)(?<!^a)[ ._-]+"
    r"(?:(?:theatrical[ ._-]|teaser[ ._-])?trailers?(?:[ ._-]?\d)?|featurettes?"
    r"|(?:the[ ._-])?making[ ._-]of|behind[ ._-]the[ ._-]scenes|deleted[ ._-]scenes|gag[ ._-]reel|bloopers|outtakes"
    r"|interviews|bonus[ ._-](?:disc|dvd|features?|material)|(?:special[ ._-])features|extras(?:[ ._-]only)?"
    r"|appendices(?:[ ._-]part[ ._-]\w+)?)$",
    re.IGNORECASE,
)
# Of a numbered series: specials, and what is between its episodes.
_SPECIAL = re.compile(
    r"[\W_]*(?P<word>ova|oad|ovd|ona|special|sp|recap|(?:nc|creditless[ ._-])?(?:op|ed|opening|ending)"
    r"|pv|cm|menu|preview|picture[ ._-]drama)[ ._-]?\d{0,2}[a-z]?(?=$|[ ._]*[-–\[(])",
    re.IGNORECASE,
)


def extra_behind_year(tail: str) -> str | None:
    """Return the words of `tail`, the text behind a film's year, that mark an extra of the film."""
    found = _BEHIND_YEAR.search(tail)
    return found[0] if found else None


def extra_at_end(title: str) -> str | None:
    """Return the words at the end of `title`, before the year, that as often mark an extra."""
    found = _AT_END.search(title)
    return found[0].strip(" ._-") if found else None


def special_behind_number(tail: str) -> str | None:
    """Return the word directly behind a number that counts on, if it is one of specials: ` - OVA [BD]`."""
    found = _SPECIAL.match(tail)
    return found["word"] if found else None
