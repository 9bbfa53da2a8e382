"""`python -m kilowatch`."""

from kilowatch.cli.main import run

run()
