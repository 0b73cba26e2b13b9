"""A search fanned out over several processes: what each is told, what it answers, how the answers
become one.

The coordinator reads the log and no segment; each worker reads its own segments and the log. Every
table is searched on its own either way (answer.py), so the answer is the one that a single process
gives.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from chalicelib.attributes import Attributes
from chalicelib.index.format.bundle import Array, Bundle, encode
from chalicelib.index.format.manifest import Manifest, SegmentRef, decode_manifest, encode_manifest
from chalicelib.index.format.records import Key
from chalicelib.index.read.answer import Stacked, matching_products
from chalicelib.index.read.answer import merge as merge_found
from chalicelib.index.read.generation import Generation
from chalicelib.index.read.query import Hits, Query, Row
from chalicelib.index.read.search import TableHits
from chalicelib.index.read.search_tables import matching_tables, refs_of, search_tables
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.region import Region


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a snapshot: enough to search it anywhere."""

    manifest: Manifest
    """With this part's segments only."""
    log_names: tuple[str, ...]
    rows: int
    """In all segments of the snapshot."""

    def text(self) -> str:
        """For the wire: about 0.6 kB a segment and 40 bytes a log object."""
        return json.dumps(
            {
                "manifest": encode_manifest(self.manifest).decode("ascii"),
                "log": self.log_names,
                "rows": self.rows,
            }
        )

    @classmethod
    def parse(cls, text: str) -> Part:
        """The inverse of `text`. Raises ValueError, CorruptObject."""
        body = json.loads(text)
        return cls(
            decode_manifest("the part of a search", body["manifest"].encode("ascii")),
            tuple(body["log"]),
            body["rows"],
        )


@dataclass(frozen=True, slots=True, eq=False)
class PartHits:
    """What one part answers."""

    found: TableHits
    """`rows` counts from 0 into `kept`."""
    kept: tuple[Row, ...]

    def rows(self, rows: Sequence[int]) -> list[Row]:
        """Those rows."""
        return [self.kept[row] for row in rows]

    def data(self) -> bytes:
        """For the wire, with checksums."""
        found = self.found
        lines = [
            json.dumps(
                [*row.key, row.category_id, row.region, asdict(row.attributes)],
                separators=(",", ":"),
            )
            for row in self.kept
        ]
        arrays: dict[str, Array] = {
            "rows": np.frombuffer("\n".join(lines).encode("ascii"), np.uint8),
            "similarity": found.similarity,
            "hamming": found.hamming,
            "products": found.products,
        }
        if found.matching_products is not None:
            arrays["matching_products"] = found.matching_products
        return encode("hits", {"matching": found.matching, "scanned": found.scanned}, arrays)[0]

    @classmethod
    def parse(cls, data: bytes) -> PartHits:
        """The inverse of `data`. Raises CorruptObject."""
        arrays = Bundle("the answer of a part", memoryview(data), "hits")
        kept = []
        for line in arrays["rows"].tobytes().splitlines():
            product_id, pic_name, category_id, region, attributes = json.loads(line)
            kept.append(
                Row(
                    Key(product_id, pic_name),
                    category_id,
                    Region(*region),
                    Attributes(**attributes),
                )
            )
        found = TableHits(
            rows=np.arange(len(kept)),
            similarity=arrays["similarity"],
            hamming=arrays["hamming"],
            products=arrays["products"],
            matching=arrays.meta["matching"],
            matching_products=arrays.get("matching_products"),
            scanned=arrays.meta["scanned"],
        )
        return cls(found, tuple(kept))


def split(snapshot: Snapshot, count: int) -> list[Part]:
    """At most `count` parts of about as many rows each; the log is left to the coordinator."""
    shares: list[list[SegmentRef]] = [[] for _ in range(max(1, count))]
    for ref in sorted(snapshot.manifest.segments, key=lambda ref: (-ref.live, ref.id)):
        min(shares, key=lambda share: sum(one.live for one in share)).append(ref)
    bare = replace(snapshot.manifest, absorbed=(), garbage=())
    return [
        Part(replace(bare, segments=tuple(share)), snapshot.log_names, snapshot.manifest.rows)
        for share in shares
        if share
    ]


def search_part(generation: Generation, part: Part, query: Query) -> PartHits:
    """Searches the segments of `part`, which are of `generation`. Raises ObjectMissing where one is
    gone: then the coordinator takes a new snapshot. CorruptObject.
    """
    snapshot = generation.assemble(part.manifest, part.log_names)
    searched = matching_tables(snapshot.segment_tables, query)
    apply = snapshot.prepare(refs_of(searched))
    answers = search_tables(searched, query, rows=part.rows, apply=apply)
    tables = [hits for _, hits in answers]
    stacked = Stacked.of(tables)
    places = stacked.best(query)
    kept = tuple(stacked.read([reader for reader, _ in answers], places, apply))
    found = TableHits(
        rows=np.arange(len(places)),
        similarity=stacked.similarity[places],
        hamming=stacked.hamming[places],
        products=stacked.products[places],
        matching=sum(one.matching for one in tables),
        matching_products=matching_products(tables) if query.distinct else None,
        scanned=sum(one.scanned for one in tables),
    )
    return PartHits(found, kept)


def merge(snapshot: Snapshot, query: Query, parts: Sequence[PartHits]) -> Hits:
    """The answer that `snapshot.search(query)` gives, of the answers of all its parts and a search
    of the log.
    """
    answers = [(part, part.found) for part in parts]
    return merge_found(
        [
            *search_tables(
                matching_tables([snapshot.tail_table], query), query, rows=snapshot.manifest.rows
            ),
            *answers,
        ],
        query,
    )
