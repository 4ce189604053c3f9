"""Answers what people ask of the catalogue, in one language for all commands.

`language.py` reads a query. `fields.py` says what each field of it means, and `condition.py` makes one SQL condition of
it, about one file. `order.py` puts the results in order. No module here writes.
"""
