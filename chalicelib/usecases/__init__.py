"""One verb a file: plain functions of (message, deployment). They join contract, vision and index;
they know no wire format.
"""
