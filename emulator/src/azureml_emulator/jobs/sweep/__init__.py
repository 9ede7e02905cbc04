"""`sweep` jobs: many trials of one command, each with other values."""
