"""Frozen values that travel between the folders. A value that is stored is a row in `catalog/models.py`.

Paths are `str` as `os.fsdecode` gives them: a name that is not valid UTF-8 carries its raw bytes as
surrogates, so nothing is refused and nothing is lost. `None` means "not known" everywhere.
"""
