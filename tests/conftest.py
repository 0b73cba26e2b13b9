"""What holds for every test."""

from __future__ import annotations

import os

# xdist tells its workers that they are 80 columns wide, and commands would fold what they print; a pipe has no width
os.environ.pop("COLUMNS", None)
