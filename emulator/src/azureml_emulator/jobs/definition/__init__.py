"""A job as it was submitted: what it says, and whether it can be."""
