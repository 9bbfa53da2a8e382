"""Pure decisions: readings in, verdicts and intents out. No I/O, no threads, no wall clock; NumPy only."""
