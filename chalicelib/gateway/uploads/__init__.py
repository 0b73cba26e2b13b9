"""Pictures sent ahead of a call: the upload helper's two hops."""
