"""Many strings as two arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """UTF-8 strings one after the other."""

    data: npt.NDArray[np.uint8]
    ends: npt.NDArray[np.uint32]
    """[count]: where each string ends."""

    @classmethod
    def of(cls, strings: Iterable[str]) -> Text:
        """Raises UnicodeEncodeError (a ValueError) for text that is not Unicode."""
        encoded = [string.encode() for string in strings]
        ends = np.cumsum([len(string) for string in encoded], dtype=np.uint64)
        if encoded and int(ends[-1]) >= 1 << 32:
            raise ValueError("more than 4 GiB of text in one column")
        return cls(np.frombuffer(b"".join(encoded), np.uint8), ends.astype(np.uint32))

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, row: int) -> str:
        start = int(self.ends[row - 1]) if row else 0
        return self.data[start : int(self.ends[row])].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        data, start = self.data.tobytes(), 0
        for end in self.ends.tolist():
            yield data[start:end].decode()
            start = end

    def take(self, rows: npt.NDArray[np.int64]) -> Text:
        """The strings of `rows`, in that order."""
        ends = self.ends.astype(np.int64)
        starts = np.concatenate(([0], ends[:-1])) if len(ends) else ends
        lengths = (ends - starts)[rows]
        new_ends = np.cumsum(lengths)
        total = int(new_ends[-1]) if len(new_ends) else 0
        source = np.repeat(starts[rows] - (new_ends - lengths), lengths) + np.arange(total)
        return Text(self.data[source], new_ends.astype(np.uint32))

    @classmethod
    def joined(cls, texts: Sequence[Text]) -> Text:
        """All strings of `texts`, in order."""
        sizes = [text.data.size for text in texts]
        offsets = np.cumsum([0, *sizes])[:-1]
        ends = [
            text.ends.astype(np.int64) + offset for text, offset in zip(texts, offsets, strict=True)
        ]
        return cls(
            np.concatenate([text.data for text in texts]) if texts else np.empty(0, np.uint8),
            np.concatenate(ends).astype(np.uint32) if texts else np.empty(0, np.uint32),
        )
