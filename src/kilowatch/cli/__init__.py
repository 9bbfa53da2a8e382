"""One file per command; nothing imports it."""
