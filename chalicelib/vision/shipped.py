"""The files of models/, each checked against its card before anything reads it, and the fingerprint
of all of them.
"""

from __future__ import annotations

import hashlib
import json

import models
from chalicelib.errors import CorruptObject

NETWORK = "lite0.onnx"
HEADS = "heads.npz"

PREPROCESSING = 2
"""Raised by hand when decode, letterbox, evidence or boxes show the network something else; the
golden vectors tell when that is so.
"""


def read(name: str) -> bytes:
    """The bytes of a shipped file. Raises CorruptObject when they are not what the card says:
    native loaders trust their input.
    """
    data = models.path(name).read_bytes()
    expected = models.card().files[name].sha256
    if hashlib.sha256(data).hexdigest() != expected:
        raise CorruptObject(
            f"models/{name}",
            "its sha256 is not the one in cards.json; restore the file from the repository or "
            "run `make models`",
        )
    return data


def fingerprint() -> str:
    """32 hex digits that change with any network, any head, or the way from bytes to the network's
    input.
    """
    card = models.card()
    files = {name: file.sha256 for name, file in sorted(card.files.items())}
    levels = {name: sorted(read) for name, read in card.levels.items()}
    text = json.dumps(
        {"files": files, "views": card.views, "levels": levels, "preprocessing": PREPROCESSING},
        sort_keys=True,
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]
