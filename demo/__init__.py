"""Real, openly licensed pictures for a first search. They come out of registry packages; none is
kept in the repository.
"""
