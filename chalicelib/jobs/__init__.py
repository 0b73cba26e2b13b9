"""Jobs over whole catalogues: what imports.py, exports.py and rebuild.py are made of."""
