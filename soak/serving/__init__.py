"""The inference service under what its users would rather not send."""
