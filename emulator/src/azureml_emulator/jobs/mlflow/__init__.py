"""MLflow: the real server, and what Azure has otherwise on the way to it."""
