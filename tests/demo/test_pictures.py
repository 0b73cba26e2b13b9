import struct
from pathlib import Path

import pytest

from chalicelib.errors import NotFound
from chalicelib.service import MAX_PICTURE_BYTES
from cli.folders import propose
from demo import pictures


def test_there_are_at_least_forty_pictures_each_of_its_own_and_fit_to_be_added() -> None:
    samples = list(pictures.samples())
    assert len(samples) == len(pictures.plan()) >= 40
    assert len({sample.key for sample in samples}) == len(samples)
    assert len({sample.data for sample in samples}) == len(samples)
    assert all(1000 < len(sample.data) <= MAX_PICTURE_BYTES for sample in samples)


def test_a_plan_names_its_pictures_before_they_are_read() -> None:
    assert [planned.key for planned in pictures.plan()] == [
        sample.key for sample in pictures.samples()
    ]


def test_the_query_shows_a_product_that_is_there_from_where_it_is_not() -> None:
    samples = list(pictures.samples())
    query = pictures.query()
    assert query.key.product_id in {sample.key.product_id for sample in samples}
    assert query.data not in {sample.data for sample in samples}


def test_marks_are_drawn_large_enough_for_every_service() -> None:
    mark = next(sample for sample in pictures.samples() if sample.kind == "mark")
    width, height = struct.unpack(">II", mark.data[16:24])
    assert (width, height) == (480, 480)


def test_a_folder_s_pictures_belong_to_their_sub_folder_or_to_themselves(tmp_path: Path) -> None:
    (tmp_path / "shoe").mkdir()
    for name in ("shoe/1.jpg", "shoe/2.PNG", "hat.webp", "notes.txt"):
        (tmp_path / name).write_bytes(name.encode())
    samples = [
        planned.load() for planned in pictures.plan_of_folder(tmp_path, propose(tmp_path).pictures)
    ]
    assert [(sample.key.product_id, sample.key.pic_name) for sample in samples] == [
        ("hat", "hat.webp"),
        ("shoe", "shoe/1.jpg"),
        ("shoe", "shoe/2.PNG"),
    ]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="holds no picture"):
        pictures.plan_of_folder(tmp_path, propose(tmp_path).pictures)
    with pytest.raises(NotFound, match="is not a folder"):
        pictures.plan_of_folder(tmp_path / "absent", [])
