"""What is inside a file: its hashes, and what a media prober reads from it."""
