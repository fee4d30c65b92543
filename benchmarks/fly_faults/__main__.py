"""Run the benchmark: `python -m benchmarks.fly_faults`."""

from benchmarks.fly_faults.disturbances import main

if __name__ == "__main__":
    main()
