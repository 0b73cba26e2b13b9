"""From a generation's objects to answers: snapshots, plans, scans, graphs, searches, fan-out.
Writes nothing but what append needs.
"""
