"""Identifies the film or the episodes of a file from its name, folders, siblings and .nfo files.

Start reading in `verdict.py`. Several readers read the same clues independently: our own strict
reader (`strict_reader.py`), guessit (`guessit_reader.py`), the folders, the siblings, ids and
.nfo files. If two of them agree, and nothing contradicts, the file may be assigned without the
user.

Everything here is a pure function of its arguments: no disk, no clock, no database. This module
imports nothing, so that only the child processes that read names load guessit: it costs 100 ms
and 20 MB.
"""
