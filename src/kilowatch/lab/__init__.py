"""Evidence: benchmarks, injected faults, measures and evaluations."""
