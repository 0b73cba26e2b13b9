"""With the models that ship: however an import is cut and repeated, and after an export, every bit
of the answers is the same.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from chalicelib.contract.messages import ListExports, StartExport
from chalicelib.jobs.exports import list_exports, start_export
from chalicelib.jobs.imports import start_folder_import
from chalicelib.service import Service
from chalicelib.usecases.downloads import open_download
from chalicelib.vision.analysis import PictureAnalyzer
from tests.imports.catalogue import catalogue
from tests.imports.shop import RoughQueue, Shop, add, drawn, open_shop


@pytest.fixture(scope="module")
def models() -> PictureAnalyzer:
    from chalicelib.vision.analyze import Analyzer

    return Analyzer(threads=1)


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    """Twenty real ones, and a large one of which the models see a reduced copy."""
    return {**catalogue(20), "large.jpg": drawn(5, side=2400)}


def imported(
    folder: Path,
    models: PictureAnalyzer,
    pictures: dict[str, bytes],
    meta: bytes | None,
    *,
    queue: RoughQueue,
    service: Service,
) -> Shop:
    shop = open_shop(folder, analyzer=models, service=service, queue=queue)
    for name, data in pictures.items():
        path = shop.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if meta is None:
        odd: tuple[dict[str, object], ...] = (
            {"Crop": False},
            {"Region": "10,90,5,95"},
            {},
            {"CategoryId": 3},
        )
        shop.write_meta(
            *(add(f"p{at % 5}", name, **odd[at % 4]) for at, name in enumerate(pictures))
        )
    else:
        (shop.folder / "increment.meta").write_bytes(meta)
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    assert shop.job(job).failed == 0, shop.progress(job).errors
    return shop


@pytest.mark.parametrize("service", [Service.PRODUCT, Service.GENERIC])
def test_slices_repetitions_and_an_export_change_no_bit(
    tmp_path: Path, models: PictureAnalyzer, pictures: dict[str, bytes], service: Service
) -> None:
    queries = list(pictures.values())[::4]
    calm = imported(
        tmp_path / "calm",
        models,
        pictures,
        None,
        queue=RoughQueue(random.Random(1), grain=256),
        service=service,
    )
    expected = calm.answers(queries, count=30)

    queue = RoughQueue(random.Random(2), grain=8, duplicates=1.0)
    rough = imported(tmp_path / "rough", models, pictures, None, queue=queue, service=service)
    assert rough.answers(queries, count=30) == expected

    start_export(StartExport("shop"), calm.deployment)
    calm.work_off()
    (job,) = list_exports(ListExports("shop"), calm.deployment).jobs
    assert job.meta_url
    meta = open_download(job.meta_url.removeprefix("/files/"), calm.deployment)
    again = imported(
        tmp_path / "again",
        models,
        pictures,
        meta,
        queue=RoughQueue(random.Random(3), grain=16),
        service=service,
    )
    assert again.answers(queries, count=30) == expected
