"""`kilowatch run` as a service of one machine: a systemd unit, and versions of the program side by side."""
