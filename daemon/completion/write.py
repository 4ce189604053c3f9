"""Writes the completions of bash, zsh and fish from the commands and options of `reeld` itself.

    python daemon/completion/write.py FOLDER

makes FOLDER/bash-completion/completions/reeld, FOLDER/zsh/site-functions/_reeld and FOLDER/fish/completions/reeld.fish.
bash and zsh look below /usr/local/share, fish below /etc. Only numbers, titles and names of libraries need a catalogue:
for these they ask `reeld` when a user presses Tab.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer.main

from reeld.cli.app import app
from reeld.query.ask import SAVED
from reeld.query.fields import FIELDS

HEAD = "reeld's daemon/completion/write.py wrote this."

# An argument or value of this kind is a path.
PATHS = re.compile(r"FILE|PATH|DIR|FOLDER|\.toml")

# Commands that print what an argument may be: a word in each line, and a tab and a text behind it. "$1" is what was
# typed so far.
_FILES = "reeld list files {} --columns id,path --format tabs --limit 200"
ANSWERS = {
    "show": 'reeld search "$1" --columns title --format tabs --limit 20',
    "validate": _FILES.format("verdict:pending"),
    "reject": _FILES.format("verdict:pending"),
    "retry": _FILES.format("state:failed"),
    "restore": "reeld list trash",
    "libraries accept": "reeld list libraries",
}

FIELD_NAMES = tuple(f"{name}:" for name in (*FIELDS, SAVED))
FIELD_VALUES = {name: meaning.values for name, meaning in FIELDS.items() if meaning.values}


@dataclass(frozen=True, slots=True)
class Option:
    names: tuple[str, ...]
    help: str
    value: str
    """What its value is called. Empty for an option without one."""
    is_repeatable: bool

    @property
    def is_path(self) -> bool:
        return bool(PATHS.search(self.value))


@dataclass(frozen=True, slots=True)
class Level:
    """A command, or a group of commands, with the words that lead to it."""

    words: tuple[str, ...]
    options: tuple[Option, ...]
    inner: tuple[tuple[str, str], ...]
    """The commands of a group with their summaries."""
    takes_paths: bool
    takes_query: bool

    @property
    def answers(self) -> str:
        """The command that says what its argument may be, or nothing."""
        return ANSWERS.get(self.key, "")

    @property
    def key(self) -> str:
        return " ".join(self.words)


def main(folder: str) -> None:
    levels = tuple(levels_of(typer.main.get_command(app)))
    for name, text in (
        ("bash-completion/completions/reeld", bash(levels)),
        ("zsh/site-functions/_reeld", zsh(levels)),
        ("fish/completions/reeld.fish", fish(levels)),
    ):
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def levels_of(command: Any, words: tuple[str, ...] = ()) -> Iterator[Level]:
    commands = getattr(command, "commands", {})
    options = [_option(each) for each in command.params if each.param_type_name == "option"]
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    yield Level(
        words=words,
        options=(*options, Option(("-h", "--help"), "Show the help.", "", is_repeatable=False)),
        inner=tuple((name, inner.get_short_help_str(sys.maxsize)) for name, inner in commands.items()),
        takes_paths=any(PATHS.search(str(each.metavar or each.name.upper())) for each in arguments),
        takes_query=any(each.metavar == "QUERY" for each in arguments),
    )
    for name, inner in commands.items():
        yield from levels_of(inner, (*words, name))


def _option(parameter: Any) -> Option:
    value = "" if parameter.is_flag else str(parameter.metavar or parameter.name.upper())
    # Only the first sentence has room beside the name.
    text = re.split(r"(?<=[.;]) ", " ".join((parameter.help or "").split()))[0]
    return Option((*parameter.opts, *parameter.secondary_opts), text, value, is_repeatable=parameter.multiple)


# --- bash ------------------------------------------------------------------------------------------------


def bash(levels: tuple[Level, ...]) -> str:
    with_value = sorted({name for level in levels for each in level.options if each.value for name in each.names})
    of_path = sorted({name for level in levels for each in level.options if each.is_path for name in each.names})
    cases = "\n".join(
        f'        "{level.key}")\n'
        f'            options="{" ".join(name for each in level.options for name in each.names)}"\n'
        f'            commands="{" ".join(name for name, _ in level.inner)}"\n'
        f"            takes_paths={'yes' if level.takes_paths else ''}\n"
        f"            takes_query={'yes' if level.takes_query else ''}\n"
        f"            answers={_quoted(level.answers)} ;;"
        for level in levels
    )
    known = " | ".join(f'"{level.key}"' for level in levels if level.words)
    values = "\n".join(f'        {name}) values="{" ".join(values)}" ;;' for name, values in FIELD_VALUES.items())
    return f"""\
# {HEAD}
_reeld_query() {{
    local cur=$1 before=$2 field="" values=""
    # Bash splits `state:gone` at the colon.
    if [[ $cur == ":" ]]; then
        field=$before cur=""
    elif [[ $before == ":" ]]; then
        field=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    case ${{field#-}} in
        "") values="{" ".join(FIELD_NAMES)}"; compopt -o nospace 2>/dev/null ;;
{values}
    esac
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
}}
_reeld_answers() {{
    local word
    while IFS=$'\\t' read -r word _; do
        [[ ${{word,,}} == "${{1,,}}"* ]] && COMPREPLY+=("$(printf %q "$word")")
    done
}}
_reeld() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    local level="" word next i options commands takes_paths takes_query answers
    COMPREPLY=()
    # Bash splits `--config=FILE` at the sign.
    if [[ $cur == "=" ]]; then
        cur=""
    elif [[ $before == "=" ]]; then
        before=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${{COMP_WORDS[i]}}
        case $word in
            {" | ".join(with_value)})
                [[ ${{COMP_WORDS[i + 1]}} == "=" ]] && ((i++))
                ((i++)) ;;
            -*) ;;
            *)
                next="${{level:+$level }}$word"
                case $next in
                    {known}) level=$next ;;
                esac ;;
        esac
    done
    case $before in
        {" | ".join(of_path)}) compopt -o default 2>/dev/null; return ;;
        {" | ".join(name for name in with_value if name not in of_path)}) return ;;
    esac
    case $level in
{cases}
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
    elif [[ $commands ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
    elif [[ $takes_query ]]; then
        _reeld_query "$cur" "$before"
    else
        [[ $answers ]] && _reeld_answers "$cur" < <(set -- "$cur"; eval "$answers" 2>/dev/null)
        [[ $takes_paths ]] && compopt -o default 2>/dev/null
    fi
    return 0
}}
complete -F _reeld reeld
"""


# --- zsh -------------------------------------------------------------------------------------------------


def zsh(levels: tuple[Level, ...]) -> str:
    functions = "\n".join(_zsh_function(level) for level in levels)
    cases = "\n".join(
        f"        (-|){name}:*) compset -P '*:'; compadd -- {' '.join(values)} ;;"
        for name, values in FIELD_VALUES.items()
    )
    helpers = f"""\
_reeld_query() {{
    case $PREFIX in
{cases}
        *:*) ;;
        *) compadd -S '' -- {" ".join(FIELD_NAMES)} ;;
    esac
}}
_reeld_answers() {{
    local -a found
    local word text
    while IFS=$'\\t' read -r word text; do
        found+=("${{word//:/\\\\:}}:$text")
    done
    (( $#found )) && _describe name found
}}
{"".join(_zsh_answers(level) for level in levels if level.answers)}"""
    return f'#compdef reeld\n# {HEAD}\n\n{helpers}{functions}\n_reeld "$@"\n'


def _zsh_name(level: Level) -> str:
    return "__".join(("_reeld", *level.words)).replace("-", "_")


def _zsh_function(level: Level) -> str:
    words = [_zsh_option(each, name) for each in level.options for name in each.names]
    if not level.inner:
        words.append(_zsh_argument(level))
        return f"{_zsh_name(level)}() {{\n    _arguments -s \\\n        {_lines(words)}\n}}"
    commands = "\n".join(f"        {_quoted(_escaped(name) + ':' + text)}" for name, text in level.inner)
    prefix = _zsh_name(level)
    cases = "\n".join(f"        {name}) {prefix}__{name.replace('-', '_')} ;;" for name, _ in level.inner)
    words += ["'1:command:->command'", "'*::argument:->argument'"]
    return f"""\
{prefix}() {{
    local curcontext=$curcontext state line
    local -a commands=(
{commands}
    )
    _arguments -C \\
        {_lines(words)}
    case $state in
        command) _describe command commands; return ;;
        argument) ;;
        *) return ;;
    esac
    case $line[1] in
{cases}
    esac
}}"""


def _zsh_answers(level: Level) -> str:
    paths = "    _files\n" if level.takes_paths else ""
    ask = f'    _reeld_answers < <(set -- "$PREFIX"; {level.answers} 2>/dev/null)\n'
    return f"{_zsh_name(level)}__names() {{\n{paths}{ask}}}\n"


def _zsh_argument(level: Level) -> str:
    if level.takes_query:
        return "'*:query:_reeld_query'"
    if level.answers:
        return f"'*:name:{_zsh_name(level)}__names'"
    return "'*:path:_files'" if level.takes_paths else "'*: :_message \"no path\"'"


def _zsh_option(option: Option, name: str) -> str:
    others = " ".join(option.names)
    before = "*" if option.is_repeatable else f"({others})"
    value = f":{_escaped(option.value)}:{'_files' if option.is_path else ' '}" if option.value else ""
    sign = "=" if option.value and name.startswith("--") else ""
    return _quoted(f"{before}{name}{sign}[{_escaped(option.help)}]{value}")


def _escaped(text: str) -> str:
    return re.sub(r"([\[\]:\\])", r"\\\1", text)


def _lines(words: list[str]) -> str:
    return " \\\n        ".join(words)


# --- fish ------------------------------------------------------------------------------------------------


def fish(levels: tuple[Level, ...]) -> str:
    with_value = sorted({name for level in levels for each in level.options if each.value for name in each.names})
    known = " ".join(f'"{level.key}"' for level in levels if level.words)
    lines = [line for level in levels for line in _fish_lines(level)]
    return "\n".join(
        [
            f"# {HEAD}",
            "function __reeld_at --description 'Test whether the words so far lead to this command'",
            "    set -l level",
            "    set -l is_value 0",
            "    for word in (commandline -opc)[2..]",
            "        if test $is_value = 1",
            "            set is_value 0",
            f"        else if contains -- $word {' '.join(with_value)}",
            "            set is_value 1",
            "        else if not string match -q -- '-*' $word",
            f'            contains -- (string join " " $level $word) {known}',
            "            and set level $level $word",
            "        end",
            "    end",
            '    test "$level" = "$argv[1]"',
            "end",
            "complete -c reeld -f",
            *lines,
            "",
        ]
    )


def _fish_lines(level: Level) -> Iterator[str]:
    at = "complete -c reeld -n " + _quoted(f'__reeld_at "{level.key}"', fish=True)
    for name, text in level.inner:
        yield f"{at} -a {name} -d {_quoted(text, fish=True)}"
    if level.takes_paths:
        yield f"{at} -F"
    if level.takes_query:
        words = [*FIELD_NAMES, *(f"{name}:{value}" for name, values in FIELD_VALUES.items() for value in values)]
        yield f"{at} -a {_quoted(' '.join(words), fish=True)}"
    if level.answers:
        asked = level.answers.replace('"$1"', "(commandline -ct)")
        yield f"{at} -a {_quoted(f'(command -q reeld; and {asked} 2>/dev/null)', fish=True)}"
    for option in level.options:
        names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
        value = (" -r -F" if option.is_path else " -x") if option.value else ""
        yield f"{at} {names}{value} -d {_quoted(option.help, fish=True)}"


def _quoted(text: str, *, fish: bool = False) -> str:
    """Quote text for a shell."""
    if fish:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return "'" + text.replace("'", "'\\''") + "'"


if __name__ == "__main__":
    main(*sys.argv[1:])
