"""A run's processes: how they are started and ended, and what they see."""
