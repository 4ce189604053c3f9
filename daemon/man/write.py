"""Writes the manual pages: reeld(8) from `reeld.8` and the commands' help, reeld.toml(5) from config.toml's comments.

    python daemon/man/write.py FOLDER

makes FOLDER/man8/reeld.8 and FOLDER/man5/reeld.toml.5; groff_man(7).
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer.main

from reeld import __version__
from reeld.cli.app import app
from reeld.query.fields import FIELDS

HERE = Path(__file__).parent
CONFIGURATION = HERE.parent.parent / "config.toml"

# Characters that groff would replace by others than those that a reader has to type.
_TYPED = str.maketrans({"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"})


def main(folder: str) -> None:
    for section, name, text in ((8, "reeld.8", command_page()), (5, "reeld.toml.5", configuration_page())):
        page = Path(folder, f"man{section}", name)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")


# --- reeld(8) --------------------------------------------------------------------------------------------


def command_page() -> str:
    page = (HERE / "reeld.8").read_text(encoding="utf-8")
    commands = "\n".join(_commands(typer.main.get_command(app), []))
    fields = "\n".join(f".TP\n\\fB{typed(name)}:\\fP\n{prose(_of_field(name))}" for name in FIELDS)
    return page.replace("@version@", __version__).replace("@commands@", commands).replace("@fields@", fields)


def _of_field(name: str) -> str:
    """Say what a field of a query asks, with its examples."""
    meaning = FIELDS[name].meaning
    return f"{meaning[0].upper()}{meaning[1:]}. Write {FIELDS[name].examples}."


def _commands(command: Any, names: list[str]) -> Iterator[str]:
    """Write each command as a paragraph with its arguments and its own options."""
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from _commands(inner, [*names, name])
        return
    # The synopsis has the options that all commands take.
    own = [each for each in command.params if not {"--config", "--json", "--help"} & set(each.opts)]
    arguments = [each for each in own if each.param_type_name == "argument"]
    yield ".TP"
    words = [f"\\fB{typed(' '.join(names))}\\fP", *(f"\\fI{typed(_metavar(each))}\\fP" for each in arguments)]
    yield " ".join(words)
    yield prose(command.help or "")
    for option in own:
        if option.param_type_name == "option":
            value = f" \\fI{typed(_metavar(option))}\\fP" if not option.is_flag else ""
            yield ".RS\n.TP"
            yield ", ".join(f"\\fB{typed(name)}\\fP" for name in option.opts) + value
            yield prose(option.help or "")
            yield ".RE"


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


# --- reeld.toml(5) ---------------------------------------------------------------------------------------


def configuration_page() -> str:
    lines = [
        f'.TH REELD.TOML 5 "" "reeld {__version__}" "File formats"',
        ".SH NAME",
        r"reeld.toml \- the configuration of reeld",
        ".SH SYNOPSIS",
        r".I /etc/reeld/config.toml",
        ".br",
        r".I \(ti/.config/reeld/config.toml",
        ".SH DESCRIPTION",
        *_body(CONFIGURATION.read_text(encoding="utf-8").splitlines()),
        ".SH SEE ALSO",
        ".BR reeld (8)",
        "",
    ]
    return "\n".join(lines)


def _body(lines: Sequence[str]) -> Iterator[str]:
    """Write comments as paragraphs. Those right above a key belong to the key; indented ones are examples."""
    comment: list[str] = []
    begins = True  # right below a heading a paragraph begins by itself
    rest = iter(lines)
    for line in rest:
        if heading := re.fullmatch(r"# -+ (.+?) -+", line):
            yield f".SH {prose(heading[1]).upper()}"
            begins = True
        elif line.startswith("#   "):
            yield f".RS\n.nf\n\\&{typed(line.removeprefix('#   '))}\n.fi\n.RE"
        elif line == "#":
            yield from [prose(" ".join(comment))] if comment else []
            yield ".PP"
            comment = []
        elif line.startswith("#"):
            comment.append(line.removeprefix("#").strip())
        elif key := re.match(r"(\w+) = (.*)", line):
            yield ".TP"
            yield f"\\fB{typed(key[1])}\\fP = {typed(_whole_value(key[2], rest))}"
            yield prose(" ".join(comment))
            comment = []
        else:
            texts = [prose(" ".join(comment))] if comment else []
            texts += [f"\\fB{typed(line)}\\fP"] if line else []
            for text in texts:
                yield text if begins else f".PP\n{text}"
                begins = False
            comment = []


def _whole_value(first: str, rest: Iterator[str]) -> str:
    """Read a value to its end; a list may have several lines."""
    value = first
    while value.startswith("[") and not value.endswith("]"):
        value += " " + next(rest).strip()
    return value.replace("[ ", "[").replace(", ]", "]")


# --- groff -----------------------------------------------------------------------------------------------


def typed(text: str) -> str:
    """Escape text that a reader may copy, character by character."""
    return text.translate(_TYPED)


def prose(text: str) -> str:
    """Escape a paragraph; text in backticks is bold, and can be copied."""
    parts = re.split(r"`([^`]*)`", text)
    marked = "".join(f"\\fB{typed(part)}\\fP" if number % 2 else _plain(part) for number, part in enumerate(parts))
    # A line that begins with a dot or an apostrophe would be a command.
    return "\n".join(("\\&" if line[:1] in (".", "'") else "") + line.strip() for line in marked.split("\n") if line)


def _plain(text: str) -> str:
    return text.replace("\\", r"\e").replace("~", r"\(ti").replace("^", r"\(ha").replace("--", r"\-\-")


if __name__ == "__main__":
    main(*sys.argv[1:])
