"""What the middleware costs, beside its peers: ``python -m benchmarks``."""
