"""Scripts for people: each prints one table."""
