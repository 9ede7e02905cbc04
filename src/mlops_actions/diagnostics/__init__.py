"""Finds the line of a caller's YAML that is to blame for an error, as compilers do."""
