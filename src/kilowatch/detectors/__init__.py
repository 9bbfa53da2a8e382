"""One file per detector; every one passes the shared battery in tests/detectors."""
