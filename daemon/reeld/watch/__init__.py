"""Lists directories, receives the kernel's events and decides when a file is complete.

`observer` receives events, `hints` remembers which directories changed, `walk` lists them,
`rules` say which files count, `settle` waits until a file is complete. This folder does not know
the catalogue and never decides that a file is gone. A listing says what was seen, or that nothing
could be seen.
"""
