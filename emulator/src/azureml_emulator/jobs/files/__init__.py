"""The files of runs: inputs from wherever they are, outputs and artifacts to storage."""
