"""`python -m beamwright_generator.cli`, which is `gen`."""

from beamwright_generator.cli.gen import main

main()
