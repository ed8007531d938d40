"""Benchmarks: the product against the raw limit of its own database, in the same minutes."""
