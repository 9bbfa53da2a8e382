"""A real Kubernetes of one node on this machine, for tests: built from Go modules, gone without a trace."""
