"""Sweeps: hyperparameter tuning, standalone and as a pipeline's node; trials are runs of one command."""
