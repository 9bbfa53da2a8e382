"""The PM metric processor: readings, incidents and actions in, energy, cost and use out, to Prometheus and a store."""
