"""Parallel jobs: one input split into mini batches, and worker processes that run an entry script over them."""
