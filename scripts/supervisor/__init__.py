"""Starts real components for tests, benchmarks and contributors, each on loopback, and stops them by process id."""
