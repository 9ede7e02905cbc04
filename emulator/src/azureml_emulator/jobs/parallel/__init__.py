"""`parallel` tasks: one entry script over mini batches of files or rows."""
