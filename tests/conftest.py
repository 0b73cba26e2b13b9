"""What holds for every test."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# xdist tells its workers that they are 80 columns wide, and commands would fold what they print; a
# pipe has no width
os.environ.pop("COLUMNS", None)

# how long an example takes says how busy the machine is, and nothing about the code
settings.register_profile("deployment", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("deployment")
