"""How requests are read and answers written: parameters, codecs, members, faults."""
