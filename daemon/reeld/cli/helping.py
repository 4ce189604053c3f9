"""How does help list the commands of a group? As plain text, each with its whole first sentence."""

import sys
from typing import Any

from typer.core import TyperGroup


class Group(TyperGroup):
    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Without its markup typer would cut the sentences off, so that each fits into one line."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(sys.maxsize)) for name, command in commands if command is not None]
            )
