"""What happens to one file, from the walk that saw it to its last hash. Start reading at `stages.py`."""
