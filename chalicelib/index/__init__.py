"""Collections on object storage: log, segments, manifest, snapshots, search. Knows records and
vectors, not requests or pictures.
"""
