"""Errors keep their message and their hint apart."""

import pytest

from reeld.cli.output import print_error
from reeld.errors import ConfigError, FileIncomplete, FileNotRegular, FileUnreadable, ReeldError


def test_the_message_of_an_error_is_what_happened_and_its_hint_what_to_do() -> None:
    error = ReeldError("the disk is full", "free some space")
    assert (str(error), error.hint) == ("the disk is full", "free some space")
    assert error.with_hint == "the disk is full; free some space"
    assert (str(ReeldError("it ended")), ReeldError("it ended").hint) == ("it ended", None)
    assert ReeldError("it ended").with_hint == "it ended"


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (FileUnreadable("/v/a.mkv", PermissionError(13, "Permission denied")), "give the user that runs reeld"),
        (FileUnreadable("/v/a.mkv", OSError(5, "Input/output error")), "check the disk"),
        (FileNotRegular("/v/a.mkv"), "rename or remove it"),
        (FileIncomplete("/v/a.mkv", unchanged_s=1, patience_s=7200), "fetch it again"),
    ],
)
def test_an_error_about_a_file_names_it_and_hints_at_what_to_do(error: ReeldError, hint: str) -> None:
    assert str(error).startswith("/v/a.mkv ")
    assert hint in str(error.hint)
    assert hint not in str(error)


def test_an_error_and_its_hint_are_printed_on_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("the disk is full", "free some space")
    print_error("it ended")
    assert capsys.readouterr().err == "error: the disk is full\nhint: free some space\nerror: it ended\n"


@pytest.mark.parametrize(("complaints", "count"), [(["a"], "1 error"), (["a", "b"], "2 errors")])
def test_an_invalid_configuration_is_one_error_that_lists_all_complaints(complaints: list[str], count: str) -> None:
    lines = str(ConfigError("config.toml", complaints)).splitlines()
    assert lines == [f"config.toml: {count}", *(f"  - {complaint}" for complaint in complaints)]
