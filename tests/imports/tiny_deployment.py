"""A deployment as worker processes build it, with the stand-in models, which take a while over each
picture.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from chalicelib.config import Settings
from chalicelib.index.catalog import Catalog
from chalicelib.storage.files import FileStore
from chalicelib.storage.secrets import FileSecrets
from chalicelib.storage.source import LocalSources
from chalicelib.usecases.deployment import Deployment
from chalicelib.vision.analysis import Analysis, Request
from chalicelib.wiring import local_folder, local_queue, new_id
from tests.doubles import TinyAnalyzer


class Leisurely(TinyAnalyzer):
    """So slow that a test can meet it at work. PACE_S: seconds per picture."""

    def analyze_many(self, pictures: Sequence[tuple[bytes, Request]]) -> list[Analysis | Exception]:
        time.sleep(float(os.environ.get("PACE_S", "0.01")) * len(pictures))
        return super().analyze_many(pictures)


def build(settings: Settings) -> Deployment:
    store = FileStore(Path(settings.store))
    models = Leisurely()
    return Deployment(
        settings=settings,
        store=store,
        catalog=Catalog(store, clock=time.time, new_id=new_id),
        secrets=FileSecrets(Path(settings.secrets)),
        analyzer=lambda: models,
        clock=time.time,
        new_id=new_id,
        sources=LocalSources(local_folder(settings) / "buckets"),
        queue=local_queue(settings),
    )
