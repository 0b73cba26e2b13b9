"""The `lookalike` command, for people: one file a command group. It calls the use cases; it knows
no wire format.
"""
