"""Model artifacts on their way to the judges: chosen, fetched, verified, warmed, and switched at a commit."""
