"""How requests are read and answers written: parameters, codecs, rendering, faults, OpenAPI."""
