"""The demo's own pictures, kept beside the local store so that the console and the terminal can
show them. Nobody else's are kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from chalicelib.config import Settings
from chalicelib.index.format.records import Key

URL: Final = "/samples/"

OWN: Final = ".own"
"""Below the samples, a link for each collection to the folder that its owner chose. No collection
is called so.
"""

TYPES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".ppm": "image/x-portable-pixmap",
}


def samples_folder(settings: Settings) -> Path | None:
    """Where samples lie: beside the store's folder; None for a store that is no folder."""
    return (
        None
        if settings.store.startswith("s3://")
        else Path(settings.store).resolve().parent / "samples"
    )


def template(collection: str) -> str:
    """The picture URL of a collection whose samples are served."""
    return f"{URL}{collection}/{{PicName}}"


def sample_path(folder: Path, relative: str) -> Path | None:
    """The file of `relative`, COLLECTION/NAME: of the samples in `folder`, or of the owner's own
    folder, which is shown where it lies.

    None where there is none or where the name leads out of its collection.
    """
    collection, _, name = relative.partition("/")
    if collection in ("", ".", ".."):
        return None
    return _inside(folder / collection, name) or _inside(folder / OWN / collection, name)


def _inside(base: Path, name: str) -> Path | None:
    """The picture called `name` below `base`, links followed; None where there is none."""
    try:
        base = base.resolve()
        path = (base / name).resolve()
        shown = path.is_relative_to(base) and path.is_file() and path.suffix.lower() in TYPES
    except (OSError, ValueError):
        return None
    return path if shown else None


def picture_of(key: Key, picture_url: str | None, folder: Path | None) -> Path | None:
    """The file of a record whose collection shows its pictures from the samples; None for every
    other.
    """
    if folder is None or picture_url is None or not picture_url.startswith(URL):
        return None
    relative = (
        picture_url.removeprefix(URL)
        .replace("{PicName}", key.pic_name)
        .replace("{ProductId}", key.product_id)
    )
    return sample_path(folder, relative)
