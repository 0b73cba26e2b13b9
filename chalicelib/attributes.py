"""What is said about a picture beside what is seen in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

INT_ATTRIBUTES: Final = ("int_attr", "int_attr2", "int_attr3", "int_attr4")
STR_ATTRIBUTES: Final = ("str_attr", "str_attr2", "str_attr3", "str_attr4")


@dataclass(frozen=True, slots=True)
class Attributes:
    """Of a record, None: never set. In an update, None: left as it is."""

    custom_content: str | None = None
    int_attr: int | None = None
    int_attr2: int | None = None
    int_attr3: int | None = None
    int_attr4: int | None = None
    str_attr: str | None = None
    str_attr2: str | None = None
    str_attr3: str | None = None
    str_attr4: str | None = None
