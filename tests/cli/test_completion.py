"""Pressing Tab in bash, zsh and fish offers every command and every option that `reeld` takes, and no other."""

import json
import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer.main

from reeld.cli.app import app
from reeld.query.fields import FIELDS
from tests.service.harness import REELD, new_world
from tests.videos import make_video

ROOT = Path(__file__).parent.parent.parent

needs_zsh = pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed (Debian package zsh)")
needs_fish = pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed (Debian package fish)")


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("share")
    subprocess.run([sys.executable, ROOT / "daemon" / "completion" / "write.py", folder], check=True, timeout=150)
    return folder


def _expected() -> dict[str, set[str]]:
    """The line to type with what must be offered there: as the parser itself says it."""
    lines: dict[str, set[str]] = {}

    def go_through(command: Any, words: tuple[str, ...]) -> None:
        typed = " ".join(("reeld", *words, ""))
        options = {name for each in command.params if each.param_type_name == "option" for name in each.opts}
        lines[f"{typed}--"] = {name for name in options | {"--help"} if name.startswith("--")}
        if commands := getattr(command, "commands", {}):
            lines[typed] = set(commands)
            # Options of a group may stand before the command, and their values are no commands.
            lines[f"reeld --json --config run {' '.join((*words, ''))}"] = set(commands)
            for name, inner in commands.items():
                go_through(inner, (*words, name))

    go_through(typer.main.get_command(app), ())
    return lines


EXPECTED = _expected()

FILMS = ("Heat (1995).mkv", "Ronin (1998).mkv", "holiday.mkv")

ANSWERS = {
    "reeld list files sta": {"state:"},
    "reeld libraries accept ": {"L"},
    "reeld validate ": {"3"},
    "reeld show hea": {"Heat"},
    "reeld restore ": set(),
}
"""What the catalogue of `library` offers; no file has a name that begins so."""


@pytest.fixture(scope="module")
def library() -> Iterator[dict[str, str]]:
    """An environment whose `reeld` has a catalogue of two films and one question."""
    with new_world() as world:
        for seed, name in enumerate(FILMS):
            make_video(world.library / name, seed=seed)
        world.said("scan")
        commands = world.root / "bin"
        commands.mkdir()
        reeld = commands / "reeld"
        reeld.write_text(f'#!/bin/sh\nexec {shlex.join(REELD)} "$@"\n')
        reeld.chmod(0o755)
        path = {"PATH": f"{commands}:{os.environ['PATH']}", "REELD_CONFIG": str(world.config)}
        yield world.environment(**path)


def test_there_is_much_to_offer() -> None:
    assert {"run", "list", "config"} <= EXPECTED["reeld "]
    assert {"--movie", "--episode", "--json", "--config", "--help"} <= EXPECTED["reeld validate --"]
    assert len(EXPECTED) > 30


# --- bash ------------------------------------------------------------------------------------------------


def _offered_by_bash(share: Path, lines: list[str], environment: Any = None) -> dict[str, set[str]]:
    script = [f"source {shlex.quote(str(share / 'bash-completion/completions/reeld'))}"]
    for line in lines:
        words = [*line.split(" ")]
        script += [
            f"COMP_WORDS=({' '.join(shlex.quote(word) for word in words)})",
            f"COMP_CWORD={len(words) - 1}",
            '_reeld reeld "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"',
            'echo "${COMPREPLY[*]}"',
        ]
    bash = ["bash", "--norc", "-c", "\n".join(script)]
    done = subprocess.run(bash, capture_output=True, text=True, check=True, env=environment)
    assert done.stderr == ""
    return {line: set(said.split()) for line, said in zip(lines, done.stdout.splitlines(), strict=True)}


def test_bash_offers_every_command_and_option(share: Path) -> None:
    assert _offered_by_bash(share, list(EXPECTED)) == EXPECTED


def test_bash_offers_no_command_for_the_value_of_an_option(share: Path) -> None:
    lines = ["reeld --config ", "reeld --config = ", "reeld validate 1 --movie ", "reeld show ", "reeld scan "]
    assert _offered_by_bash(share, lines) == {line: set() for line in lines}


def test_bash_offers_what_the_catalogue_has(share: Path, library: dict[str, str]) -> None:
    fields = {
        "reeld list files state : pre": {"present"},
        "reeld missing -verdict : p": {"pending"},
        "reeld stats hdr :": set(FIELDS["hdr"].values),
    }
    expected = ANSWERS | fields
    assert _offered_by_bash(share, list(expected), library) == expected


class Terminal:
    """A shell on a terminal, as a user has it."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execvpe(command[0], command, {"PATH": os.environ["PATH"], "TERM": "dumb", **environment})

    def types(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def shows(self, what: str) -> str:
        """Wait until it shows this. Return all that came."""
        deadline, seen = time.monotonic() + 60, ""
        while what not in seen:
            assert time.monotonic() < deadline, seen
            if select.select([self._terminal], [], [], 1)[0]:
                seen += os.read(self._terminal, 65_536).decode(errors="replace")
        return seen

    def end(self) -> None:
        os.close(self._terminal)
        os.waitpid(self._pid, 0)


@pytest.fixture
def bash() -> Iterator[Terminal]:
    terminal = Terminal(["bash", "--norc", "-i"], {"PS1": "ready> "})
    yield terminal
    terminal.end()


@pytest.mark.parametrize("before", ["show ", "config check --config ", "run --library=", "restore-backup "])
def test_bash_completes_the_paths_of_arguments_and_options(
    before: str, share: Path, bash: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "Heat (1995).mkv").touch()
    bash.shows("ready> ")
    bash.types(f"source {shlex.quote(str(share / 'bash-completion/completions/reeld'))}\n")
    bash.shows("ready> ")
    bash.types(f"reeld {before}{tmp_path}/He\t")
    bash.shows(r"Heat\ \(1995\).mkv")


# --- fish ------------------------------------------------------------------------------------------------


def _offered_by_fish(share: Path, folder: Path, lines: list[str], **environment: str) -> list[set[str]]:
    script = [f"source {shlex.quote(str(share / 'fish/completions/reeld.fish'))}"]
    for line in lines:
        script += [f"complete -C {shlex.quote(line)}", "echo end"]
    command = ["fish", "--no-config", "-c", "\n".join(script)]
    home = {"PATH": os.environ["PATH"], **environment, "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=home)
    assert done.stderr == ""
    answers = done.stdout.split("end\n")[:-1]
    return [{row.partition("\t")[0] for row in answer.splitlines()} for answer in answers]


@needs_fish
def test_fish_offers_what_the_catalogue_has(share: Path, tmp_path: Path, library: dict[str, str]) -> None:
    expected = ANSWERS | {"reeld list files state:pre": {"state:present"}}
    expected["reeld list files sta"] = {"state:", *(f"state:{value}" for value in FIELDS["state"].values)}
    offered = _offered_by_fish(share, tmp_path, list(expected), **library)
    assert dict(zip(expected, offered, strict=True)) == expected


@needs_fish
def test_fish_offers_every_command_and_option(share: Path, tmp_path: Path) -> None:
    offered = partial(_offered_by_fish, share, tmp_path)
    assert dict(zip(EXPECTED, offered(list(EXPECTED)), strict=True)) == EXPECTED
    (tmp_path / "Heat.mkv").touch()
    paths = ["reeld show ", "reeld --config ", "reeld scan --config=", "reeld validate 1 --movie ", "reeld restore "]
    assert offered(paths) == [{"Heat.mkv"}, {"Heat.mkv"}, {"--config=Heat.mkv"}, set(), set()]


# --- zsh -------------------------------------------------------------------------------------------------

# Completion works only in a line editor. What would be offered goes into a FIFO, one word a line.
ZSH = r"""
PROMPT='ready> '
unsetopt auto_list  # nobody reads the terminal, so little may be written to it
fpath=(%(functions)s $fpath)
autoload -Uz compinit && compinit -u -D
compadd () {
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return $?; fi
    local -a hits
    builtin compadd -A hits "$@"
    (( $#hits )) && print -rl -- $hits >&3
    builtin compadd "$@"
}
offer () { zle complete-word; print -r -- END >&3; BUFFER= }
zle -N offer
bindkey '^I' offer
exec 3>%(fifo)s
"""


class Zsh:
    """A zsh that says what it offers."""

    def __init__(self, share: Path, folder: Path, **environment: str) -> None:
        fifo = folder / "offered"
        os.mkfifo(fifo)
        (folder / "start").write_text(ZSH % {"functions": share / "zsh" / "site-functions", "fifo": fifo})
        self.terminal = Terminal(["zsh", "-f", "-i"], {**environment, "HOME": str(folder)})
        self.terminal.types(f"cd {folder} && source ./start\n")
        self._answers = open(fifo, encoding="utf-8")  # noqa: SIM115 - `end` closes it

    def offers(self, line: str) -> set[str]:
        self.terminal.types(f"{line}\t")
        return {row.strip() for row in iter(self._answers.readline, "END\n")}

    def end(self) -> None:
        self.terminal.end()
        self._answers.close()


@needs_zsh
def test_zsh_offers_every_command_and_option(share: Path, tmp_path: Path) -> None:
    (tmp_path / "Heat.mkv").touch()
    zsh = Zsh(share, tmp_path)
    try:
        seen = {line: zsh.offers(line) for line in EXPECTED}
        paths = [zsh.offers(line) for line in ("reeld show He", "reeld --config He", "reeld validate 1 --movie ")]
    finally:
        zsh.end()
    assert json.dumps(seen, default=sorted) == json.dumps(EXPECTED, default=sorted)
    assert paths == [{"Heat.mkv"}, {"Heat.mkv"}, set()]


@needs_zsh
def test_zsh_offers_what_the_catalogue_has(share: Path, tmp_path: Path, library: dict[str, str]) -> None:
    expected = ANSWERS | {"reeld list files state:pre": {"present"}, "reeld show Hea": {"Heat"}}
    expected["reeld validate "] = {"3", "offered", "start"}  # files may be named, too
    del expected["reeld show hea"]  # zsh has its user say whether case counts
    zsh = Zsh(share, tmp_path, **library)
    try:
        assert {line: zsh.offers(line) for line in expected} == expected
    finally:
        zsh.end()
