"""libtiff writes what it thinks of a file to the process's standard error; here nobody reads that,
and a hostile file would fill a log.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

import PIL

_FOLDERS = ("../pillow.libs", ".dylibs")
"""Where Pillow's wheels for Linux and macOS put their libraries, beside the package."""


@functools.cache
def silence_libtiff() -> None:
    """Takes away the handlers that print, once; does nothing where Pillow came without its own
    libtiff.
    """
    package = Path(PIL.__file__).parent
    for folder in _FOLDERS:
        for file in (package / folder).glob("libtiff*"):
            library = ctypes.CDLL(str(file.resolve()))
            for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
                handler = getattr(library, name)
                handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
                handler(None)
