"""The rest of the laptop cloud: Docker, a registry, Kubernetes, the act runner and sample animals."""
