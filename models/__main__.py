"""Checks the shipped files against cards.json: `make models-check`."""

import sys

import models

FAULTS = models.faults()
print("\n".join(FAULTS) or "all files match cards.json")
sys.exit(bool(FAULTS))
