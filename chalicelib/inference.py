"""onnxruntime, loaded in the one way that keeps to itself: nothing else here imports it.

Its Linux wheels from 1.29 on report to Microsoft: they keep a device id and a database of events
under ~/.cache and look up a host to send them to (github.com/microsoft/onnxruntime/pull/27379).
`ORT_DISABLE_TELEMETRY` is the full way out, and it is read once, as the library is loaded.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime  # the switch comes first

# What a platform switches on again later, as Windows does, and a library that somebody else loaded
# before us.
onnxruntime.disable_telemetry_events()

__all__ = ["onnxruntime"]
