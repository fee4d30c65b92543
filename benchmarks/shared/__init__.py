"""What several benchmarks, and tests, share: the public databases, their connections, and the report."""
