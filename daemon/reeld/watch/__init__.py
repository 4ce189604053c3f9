"""Which files are there, and when is one complete?

`observer` hints, `hints` remembers where to look, `walk` looks, `rules` say what counts, `settle` waits.
Nothing here knows the catalogue, and nothing here decides that a file is gone: a listing says what was
seen, or that nothing could be seen.
"""
