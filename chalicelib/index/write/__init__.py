"""What changes a generation: appends, compaction, merging, graphs, collection, scrubbing."""
