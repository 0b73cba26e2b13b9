"""From registry packages and open picture sets to the files of models/ (docs/MODELS.md). Nothing
here runs or ships.
"""
