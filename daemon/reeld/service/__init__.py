"""What keeps running: the only maker of threads and processes."""
