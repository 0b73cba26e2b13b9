"""No small file makes decode work for long: what a container can repeat or declare is bounded
before a pixel is decoded.
"""

from __future__ import annotations

import pytest

from chalicelib.errors import BadPicture
from chalicelib.vision.decode import Limits, decode
from tests.vision import amplify, limits
from tests.vision.amplify_tiff import directory


def amplified(seed: int, count: int) -> dict[str, int]:
    lines = limits.run("tests.vision.amplify", str(seed), str(count))
    return {
        name: int(number)
        for line in lines
        for name, number in (word.split("=") for word in line.split())
    }


def check(seed: int, count: int) -> dict[str, int]:
    outcomes = amplified(seed, count)
    assert outcomes.pop("peak") < limits.PEAK_MB
    assert "address" not in outcomes, "no message quotes an object"
    assert sum(outcomes.values()) == count
    return outcomes


def test_amplified_files_of_every_container_stay_within_limits() -> None:
    check(20201214, 400)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_twenty_four_thousand_amplified_files_stay_within_limits(seed: int) -> None:
    outcomes = check(seed, 3_000)
    read = {name.partition("_")[0] for name in outcomes if name.endswith("_read")}
    assert read == set(amplify.MAKERS), "of every container some must reach the decoder"


@pytest.mark.parametrize("tiles", [256, 2])
def test_tiles_that_share_one_stream_are_counted_each(tiles: int) -> None:
    """A stream of 150 KB that unpacks to 160 MB, named by every tile of a picture."""
    import zlib

    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(b"\0" * 1_000_000) for _ in range(160)) + packer.flush()
    tags = {256: (4, [16 * tiles]), 257: (4, [4000]), 258: (3, [8]), 259: (3, [8]), 262: (3, [1])}
    tags |= {277: (3, [1]), 322: (4, [16]), 323: (4, [10_000_000])}
    tags |= {324: (4, [8] * tiles), 325: (4, [len(body)] * tiles)}
    limits_before = Limits(min_side=1)
    with pytest.raises(BadPicture, match="unpack to"):
        decode(directory(tags, body), limits=limits_before)


def test_strips_that_each_name_the_whole_file_are_counted_each() -> None:
    strips = 4_000
    body = b"\0" * 2_000_000
    tags = {256: (4, [200]), 257: (4, [strips]), 258: (3, [8]), 259: (3, [5]), 262: (3, [1])}
    tags |= {277: (3, [1]), 278: (4, [1]), 273: (4, [8] * strips), 279: (4, [len(body)] * strips)}
    with pytest.raises(BadPicture, match="again and again"):
        decode(directory(tags, body), limits=Limits())


def test_compressed_pieces_of_unknown_length_are_refused() -> None:
    """The library would take each to reach as far as the file."""
    tags = {256: (4, [200]), 257: (4, [400]), 258: (3, [8]), 259: (3, [5]), 262: (3, [1])}
    tags |= {277: (3, [1]), 278: (4, [1]), 273: (4, [8] * 400)}
    with pytest.raises(BadPicture, match="how long its pieces are"):
        decode(directory(tags, b"\0" * 100_000), limits=Limits())
