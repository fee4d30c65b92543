"""Run the benchmark: `python -m benchmarks.audit`."""

from benchmarks.audit.agreement import main

if __name__ == "__main__":
    main()
