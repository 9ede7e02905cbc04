"""The long random tests at full size: `make soak`."""
