"""Where does a path lead, if its disk says so at all?"""

import os
import threading

# A command that only looks has to wait for this as well.
LONGEST_ANSWER_S = 5.0


def real_path_in_time(path: str) -> str:
    """The path without its symbolic links; as it is spelled where a disk does not answer.

    Nothing ends a call on a dead network mount, and no other library should have to wait for it: so it is made by a
    thread that may be left behind.
    """
    found = [path]
    asking = threading.Thread(target=lambda: found.append(os.path.realpath(path)), daemon=True)
    asking.start()
    asking.join(LONGEST_ANSWER_S)
    return found[-1]
