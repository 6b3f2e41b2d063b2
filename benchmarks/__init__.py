"""Measures the service and other servers on one machine and writes docs/benchmarks.md: `make bench`."""
