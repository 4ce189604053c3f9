"""Reads what a container states about its length, without a library and within fixed bounds."""
