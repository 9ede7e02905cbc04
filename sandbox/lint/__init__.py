"""Every linter of this repository, behind one command: `python -m sandbox.lint`."""
