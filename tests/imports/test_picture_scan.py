"""What looks for pictures would find one."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.imports.catalogue import catalogue
from tests.imports.picture_scan import SIGNATURES, no_picture_anywhere
from tests.imports.stack import Stack


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_the_scan_knows_the_signature_of_every_kind_of_picture(kind: str) -> None:
    data = io.BytesIO()
    Image.new("RGB", (120, 110), "red").save(data, format=kind)
    assert SIGNATURES.search(b"x" * 50 + data.getvalue()[:64])


def test_the_scan_would_find_a_picture(stack: Stack) -> None:
    picture = next(iter(catalogue(1).values()))
    stack.deployment.store.create(
        "collections/shop/hidden", b"x" * 5000 + picture[100:400] + b"x" * 5000
    )
    with pytest.raises(AssertionError, match="hidden"):
        no_picture_anywhere(stack, "", [picture])
