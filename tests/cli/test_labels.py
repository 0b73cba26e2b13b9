from pathlib import Path

import pytest

from chalicelib.errors import InvalidField, MissingField
from cli.labels import Labelled, read_labels


def _folder(tmp_path: Path, text: str) -> Path:
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_rows_are_read_in_order_with_the_instance_before_the_label(tmp_path: Path) -> None:
    rows = read_labels(
        _folder(
            tmp_path,
            "path,split,label,category,instance,notes\n"
            'a.jpg,gallery,shoe,4,s1,"x, y"\nb.jpg,query_edit,shoe,,,\n',
        )
    )
    assert rows == [
        Labelled("a.jpg", "gallery", "s1", 4),
        Labelled("b.jpg", "query_edit", "shoe", None),
    ]
    assert [row.is_gallery for row in rows] == [True, False]
    assert [row.is_query for row in rows] == [False, True]


def test_a_folder_without_labels_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(MissingField, match="path, split, label, category, instance"):
        read_labels(tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidField, match="no column split"):
        read_labels(_folder(tmp_path, "path,label\na.jpg,shoe\n"))


def test_a_category_that_is_no_number_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidField, match="line 3: category 'shoe'"):
        read_labels(_folder(tmp_path, "path,split,category\na.jpg,gallery,4\nb.jpg,gallery,shoe\n"))
