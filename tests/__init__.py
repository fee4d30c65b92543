"""The tests, and what they and the benchmarks share."""
