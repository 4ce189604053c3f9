"""Root may read and write everything: what a test needs to see refused runs without that privilege.

It stays the same user, only without CAP_DAC_OVERRIDE, so that the interpreter may lie anywhere, below /root as well.
"""

import os

HUMBLE = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", "--"]


def humbly(command: list[str]) -> list[str]:
    """The command without root's privileges over files; as it is for everybody else."""
    return [*HUMBLE, *command] if os.geteuid() == 0 else command
