"""How does a person look in, and say what only a person can say? Results go to stdout, all else to stderr."""
