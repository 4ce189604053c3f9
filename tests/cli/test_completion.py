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
from pathlib import Path
from typing import Any

import pytest
import typer.main

from reeld.cli.app import app

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


def test_there_is_much_to_offer() -> None:
    assert {"run", "list", "config"} <= EXPECTED["reeld "]
    assert {"--movie", "--episode", "--json", "--config", "--help"} <= EXPECTED["reeld validate --"]
    assert len(EXPECTED) > 30


# --- bash ------------------------------------------------------------------------------------------------


def _offered_by_bash(share: Path, lines: list[str]) -> dict[str, set[str]]:
    script = [f"source {shlex.quote(str(share / 'bash-completion/completions/reeld'))}"]
    for line in lines:
        words = [*line.split(" ")]
        script += [
            f"COMP_WORDS=({' '.join(shlex.quote(word) for word in words)})",
            f"COMP_CWORD={len(words) - 1}",
            '_reeld reeld "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"',
            'echo "${COMPREPLY[*]}"',
        ]
    done = subprocess.run(["bash", "--norc", "-c", "\n".join(script)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return {line: set(said.split()) for line, said in zip(lines, done.stdout.splitlines(), strict=True)}


def test_bash_offers_every_command_and_option(share: Path) -> None:
    assert _offered_by_bash(share, list(EXPECTED)) == EXPECTED


def test_bash_offers_no_command_for_the_value_of_an_option(share: Path) -> None:
    lines = ["reeld --config ", "reeld --config = ", "reeld validate 1 --movie ", "reeld show "]
    assert _offered_by_bash(share, lines) == {line: set() for line in lines}


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


@needs_fish
def test_fish_offers_every_command_and_option(share: Path, tmp_path: Path) -> None:
    def offered(lines: list[str]) -> list[set[str]]:
        script = [f"source {shlex.quote(str(share / 'fish/completions/reeld.fish'))}"]
        for line in lines:
            script += [f"complete -C {shlex.quote(line)}", "echo end"]
        command = ["fish", "--no-config", "-c", "\n".join(script)]
        home = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=home)
        assert done.stderr == ""
        answers = done.stdout.split("end\n")[:-1]
        return [{row.partition("\t")[0] for row in answer.splitlines()} for answer in answers]

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


@needs_zsh
def test_zsh_offers_every_command_and_option(share: Path, tmp_path: Path) -> None:
    (tmp_path / "Heat.mkv").touch()
    fifo = tmp_path / "offered"
    os.mkfifo(fifo)
    (tmp_path / "start").write_text(ZSH % {"functions": share / "zsh" / "site-functions", "fifo": fifo})
    zsh = Terminal(["zsh", "-f", "-i"], {"HOME": str(tmp_path)})
    try:
        zsh.types(f"cd {tmp_path} && source ./start\n")
        with open(fifo, encoding="utf-8") as answers:

            def offered(line: str) -> set[str]:
                zsh.types(f"{line}\t")
                rows = iter(answers.readline, "END\n")
                return {row.strip() for row in rows}

            seen = {line: offered(line) for line in EXPECTED}
            paths = [offered(line) for line in ("reeld show He", "reeld --config He", "reeld validate 1 --movie ")]
    finally:
        zsh.end()
    assert json.dumps(seen, default=sorted) == json.dumps(EXPECTED, default=sorted)
    assert paths == [{"Heat.mkv"}, {"Heat.mkv"}, set()]
