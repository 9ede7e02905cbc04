"""Speed, measured side by side in one run: `make bench` writes `reports/` for programs and `docs/` for people."""
