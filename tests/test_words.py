"""Messages, docstrings and comments are plain English.

WORDS is the one list of what they must not hold. Messages hold none. Docstrings and comments hold at most
3 in 10,000 words, so that a quotation or a rare good reason stays possible.
"""

import ast
import io
import itertools
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

DAEMON = Path(__file__).parent.parent / "daemon"

WORDS = (
    # No actor is named, or the sentence bends around the verb.
    r"nobody(?:'s|s)?", r"somebody(?:'s)?", r"anybody(?:'s)?", "whoever", "wherever", "whatever", "anew", "of which",
    "told of", "tells of", "besides",
    # The project once had words of its own for these.
    r"witness(?:es)?",  # completeness check
    "testimon(?:y|ies)",  # hold reason
    "canar(?:y|ies)",  # event probe
    r"passports?",  # filesystem identity
    r"newcomers?",  # new file
    "vigils?",  # supervisor
    "upkeep",  # maintenance
    "survey(?:s|ed)?",  # evidence
    "set aside",  # failed
    "laid to rest",  # resolved
    "turned away",  # rejected
    "taken for",  # assigned to
    "by the clock",  # polling
    r"(?:a|the|of|person's) persons?", "a person's",  # the user
)  # fmt: skip
"""Regular expressions for whole words, in any case. The comments name the plain word."""

WORDS_IN_MESSAGES = (
    *WORDS,
    "looks? (?:again|around|once more)", "looked (?:at|again)",  # scan
    "suspects?", "suspected",  # unverified
    r"questions?",  # pending validation
    "mend(?:s|ed|ing)?",  # correct, repair
    "person",  # user
)  # fmt: skip
"""In code "look" and "suspect" may be exact; what the user reads has one word for each thing."""

MOST_IN_10_000 = 3

FOLDERS = sorted({str(path.parent.relative_to(DAEMON)) for path in DAEMON.rglob("*.py")})


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of prose in the sources."""

    path: Path
    line: int
    content: str

    def found(self, words: tuple[str, ...]) -> list[str]:
        """Name file, line and word of each match, also across a line's end."""
        alternatives = "|".join(words).replace(" ", r"\s+")
        where = self.path.relative_to(DAEMON)
        return [
            f"{where}:{self.line + self.content.count(chr(10), 0, match.start())}: {' '.join(match[0].split())!r}"
            for match in re.finditer(rf"\b(?:{alternatives})\b", self.content, re.IGNORECASE)
        ]


def _sources(folder: str) -> list[Path]:
    return sorted((DAEMON / folder).glob("*.py"))


def _docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    """Find every string that stands as a statement: docstrings, and those below a field or a constant."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value


def _prose(path: Path) -> Iterator[Text]:
    """Read the docstrings and comments of a module."""
    source = path.read_text(encoding="utf-8")
    for constant in _docstrings(ast.parse(source)):
        yield Text(path, constant.lineno, str(constant.value))
    comments = [
        token
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and not token.string.startswith(("#!", "# noqa", "# type:", "# fmt:"))
    ]
    # Lines that follow each other are one comment.
    blocks = itertools.groupby(enumerate(comments), key=lambda each: each[1].start[0] - each[0])
    for _, block in blocks:
        tokens = [token for _, token in block]
        yield Text(path, tokens[0].start[0], "\n".join(token.string.lstrip("# ") for token in tokens))


def _messages(path: Path) -> Iterator[Text]:
    """Read what the user may see: strings of several words, log events, and the help of commands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(constant) for constant in _docstrings(tree)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in docstrings:
            continue
        if " " in node.value.strip():
            yield Text(path, node.lineno, " ".join(node.value.split()))
        elif re.fullmatch(r"[a-z_]+\.[a-z_]+", node.value):
            yield Text(path, node.lineno, re.sub("[._]", " ", node.value))
    if path.parent.name == "cli":
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and (help_ := ast.get_docstring(node)) and _is_command(node, tree):
                yield Text(path, node.lineno + 1, help_)


def _is_command(function: ast.FunctionDef, tree: ast.AST) -> bool:
    """Whether typer shows the docstring: the function is decorated, or handed to `command(...)`."""
    if function.decorator_list:
        return True
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(
        isinstance(argument, ast.Name) and argument.id == function.name and "command" in ast.unparse(call.func)
        for call in calls
        for argument in call.args
    )


def _found_in_messages(folder: str) -> list[str]:
    return [each for path in _sources(folder) for text in _messages(path) for each in text.found(WORDS_IN_MESSAGES)]


def _found_in_prose(folder: str) -> tuple[list[str], int]:
    """Find the words in docstrings and comments, and count all words there."""
    texts = [text for path in _sources(folder) for text in _prose(path)]
    return [each for text in texts for each in text.found(WORDS)], sum(len(text.content.split()) for text in texts)


def _module_questions(folder: str) -> list[str]:
    """Find module docstrings that ask instead of saying what the module does."""
    first = ((path, ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))) for path in _sources(folder))
    return [str(path.relative_to(DAEMON)) for path, docstring in first if docstring and "?" in docstring.split("\n")[0]]


@pytest.mark.parametrize("folder", FOLDERS)
def test_messages_hold_plain_words_alone(folder: str) -> None:
    assert _found_in_messages(folder) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_module_says_what_it_does_and_asks_nothing(folder: str) -> None:
    assert _module_questions(folder) == []


def test_docstrings_and_comments_hold_few_of_the_words() -> None:
    found: list[str] = []
    count = 0
    for folder in FOLDERS:
        here, words = _found_in_prose(folder)
        found, count = found + here, count + words
    assert len(found) * 10_000 <= MOST_IN_10_000 * count, "\n".join(found)


def test_the_words_are_found_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of text is read, and each finding names its line."""
    monkeypatch.setattr(f"{__name__}.DAEMON", tmp_path)
    (tmp_path / "cli").mkdir()
    module = tmp_path / "cli" / "a.py"
    module.write_text(
        '"""Asks nobody."""\n'
        "\n"
        "# A comment for whoever reads it.\n"
        'EVENT = "catalog.upkeep_waited"\n'
        'NAMES = ["nobody"]\n'
        "\n"
        "\n"
        "@app.command()\n"
        "def show(name):\n"
        '    """Show what somebody wrote."""\n'
        '    raise UsageError(f"{name} was not told\\nto anybody", "look again")\n',
        encoding="utf-8",
    )
    assert {each for text in _prose(module) for each in text.found(WORDS)} == {
        "cli/a.py:1: 'nobody'",
        "cli/a.py:3: 'whoever'",
        "cli/a.py:10: 'somebody'",
    }
    assert {each for text in _messages(module) for each in text.found(WORDS_IN_MESSAGES)} == {
        "cli/a.py:4: 'upkeep'",
        "cli/a.py:10: 'somebody'",
        "cli/a.py:11: 'anybody'",
        "cli/a.py:11: 'look again'",
    }
