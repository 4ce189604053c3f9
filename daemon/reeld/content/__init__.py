"""Reads a file's content: its hashes, and the facts that a media prober finds."""
