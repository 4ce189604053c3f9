"""Which film or which episodes is this file, how sure are we, and why?

Start reading in `verdict.py`. Several voices read the same clues without knowing of one another: our own
strict reader (`strict_reader.py`), guessit (`guessit_reader.py`), the folders, the siblings, ids and .nfo files. What
two of them say alike, and nothing contradicts, may be filed while nobody watches.

Everything here is a pure function of its arguments: no disk, no clock, no database. Nothing is imported here, so that
only the child processes that read names load guessit: it costs 100 ms and 20 MB.
"""
