"""What every use case is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.config import Settings
from chalicelib.index.catalog import Catalog
from chalicelib.storage.base import ObjectStore
from chalicelib.storage.secrets import SecretStore
from chalicelib.vision.analysis import PictureAnalyzer


@dataclass(frozen=True, slots=True)
class House:
    """The components of one deployment, built by wiring once per process. Effects are members, so tests can replace them."""

    settings: Settings
    store: ObjectStore
    catalog: Catalog
    secrets: SecretStore
    analyzer: Callable[[], PictureAnalyzer]
    """Loads the models on the first call only, so that actions without pictures start fast."""
    clock: Callable[[], float]
    """Seconds since the epoch."""
    new_id: Callable[[], str]
    """Hex text that nobody else will make."""
