"""One verb a file: plain functions of (message, house). They join contract, vision and index; they know no wire format."""
