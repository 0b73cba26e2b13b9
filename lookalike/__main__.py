"""`python -m lookalike`: the command line."""

from lookalike import run

run()
