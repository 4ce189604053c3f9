"""Frozen values that the folders pass to each other. A stored value is a row in `catalog/models.py`.

Paths are `str` as `os.fsdecode` returns them: a name that is not valid UTF-8 carries its raw
bytes as surrogates, so every name is accepted without loss. `None` means "not known" everywhere.
"""
