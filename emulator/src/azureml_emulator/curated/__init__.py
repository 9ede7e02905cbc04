"""Azure's curated environments, each with what stands for it on a machine without a GPU: a catalogue in YAML."""
