"""What a request is: messages with their limits, filters, categories. Pure: no I/O, no numpy, no
vendor words.
"""
