"""The console: its files and the few actions it has beyond the contract."""
