"""Azure Machine Learning on one machine, for the unmodified SDK."""
