"""Older versions of the contract, put on to the actions of today."""
