"""What ensure-compute knows of computes: their states, who uses them, and how they differ from their YAML."""
