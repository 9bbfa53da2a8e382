"""The report of a replay: stories, pictures, one HTML page."""
