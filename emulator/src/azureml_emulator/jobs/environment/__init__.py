"""What a job's environment is, and how it comes to be on this machine: a virtual environment, or a container."""
