"""Programs that ``benchmarks/containers.py`` hands over to the lab's container and runs there."""
