"""What deploying to Kubernetes takes: kubectl, manifests, rollouts, their diagnosis and their undoing."""
