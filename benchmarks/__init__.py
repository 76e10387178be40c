"""What the gateway costs, measured. Not part of the package; run with `python -m benchmarks.…`."""
