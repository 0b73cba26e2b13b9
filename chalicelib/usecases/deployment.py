"""What every use case is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.config import Settings
from chalicelib.health import Health
from chalicelib.index.catalog import Catalog
from chalicelib.storage.object_store import ObjectStore
from chalicelib.storage.queue import NoQueue, Queue
from chalicelib.storage.secrets import SecretStore
from chalicelib.storage.source import NoSources, Sources
from chalicelib.usecases.ask_parts import FanOut

if TYPE_CHECKING:
    from chalicelib.vision.analysis import PictureAnalyzer


@dataclass(frozen=True, slots=True)
class Deployment:
    """The components of one deployment, built by wiring once per process. Effects are members, so
    tests can replace them.
    """

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
    sources: Sources = field(default_factory=NoSources)
    """Where imports read pictures."""
    queue: Queue = field(default_factory=NoQueue)
    """Where imports and exports put their work."""
    presign: Callable[[str, int], str] | None = None
    """URL under which anybody can download the object of a key for some seconds; None: the gateway
    serves it (usecases/downloads.py).
    """
    notify: Callable[[str, bytes], object] = field(default=lambda _url, _body: None)
    """Tells a callback address that a job has ended; what comes of it is ignored
    (storage/callback.py).
    """
    transit: ObjectStore | None = None
    """Where uploaded pictures lie until they are used; None: in `store`."""
    fan_out: FanOut = field(default_factory=FanOut)
    """How searches too large for one function are shared out (usecases/fan_out.py)."""
    health: Health = field(default_factory=Health)
    """How what runs in the background of this process is."""
