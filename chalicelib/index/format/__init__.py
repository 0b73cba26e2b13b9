"""What lies on the store, and its columns in memory (docs/FORMAT.md). Pure: nothing here reads or
writes an object.
"""
