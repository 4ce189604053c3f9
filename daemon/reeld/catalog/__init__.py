"""What we remember: one SQLite database. The only importer of peewee and sqlite3.

`models.py` says what the tables mean, `connection.py` is the one door to them. The other modules each
answer one kind of question; their functions that write must be called inside `database.writing()`.
"""
