"""Run the benchmark: `python -m benchmarks.corpus`."""

from benchmarks.corpus.survey import main

if __name__ == "__main__":
    main()
