"""A search too large for one function: in parts, each searched elsewhere, merged here into the
answer that one place would give.

A part that fails, is silent or answers another question is asked once more; if that does not help
the search fails. What only some of the parts found is never an answer.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Final

import numpy as np

from chalicelib.contract.filters import Filter, parse
from chalicelib.errors import ObjectMissing, StoreUnavailable
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Vector
from chalicelib.index.read.fan_out import Part, PartHits, merge, search_part, split
from chalicelib.index.read.query import Hits, Query
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.trace import note
from chalicelib.usecases.ask_parts import ask_parts
from chalicelib.usecases.deployment import Deployment

MAX_PARTS: Final = 64
"""Functions that one search may use at once; beyond that parts grow."""


def search(
    collection: Collection, snapshot: Snapshot, query: Query, deployment: Deployment
) -> Hits:
    """What `snapshot.search(query)` answers, searched in parts if the snapshot holds more rows than
    one function should.

    Raises StoreUnavailable when a part was asked twice in vain, StorageError.
    """
    try:
        return _search(collection, snapshot, query, deployment)
    except ObjectMissing:
        # removed since the snapshot was taken: a new one knows where the rows went
        return _search(collection, collection.snapshot(), query, deployment)


def _search(
    collection: Collection, snapshot: Snapshot, query: Query, deployment: Deployment
) -> Hits:
    """One attempt. Raises ObjectMissing, see `search`."""
    rows = deployment.fan_out.rows
    if not rows or snapshot.stats.rows <= rows:
        return snapshot.search(query)
    return _search_parts(collection, snapshot, query, deployment)


def _search_parts(
    collection: Collection, snapshot: Snapshot, query: Query, deployment: Deployment
) -> Hits:
    """Asks for every part of `snapshot` and merges the answers."""
    parts = split(snapshot, min(MAX_PARTS, -(-snapshot.stats.rows // deployment.fan_out.rows)))
    note("parts", len(parts))
    questions = [encode_question(collection.info.name, part, query) for part in parts]
    remote = deployment.fan_out.ask

    def ask(question: bytes) -> bytes:
        return decode_answer(
            remote(question) if remote else answer_part(question, deployment), question
        )

    answers = ask_parts(questions, ask, patience_s=deployment.fan_out.patience_s)
    return merge(snapshot, query, [PartHits.parse(data) for data in answers])


def answer_part(question: bytes, deployment: Deployment) -> bytes:
    """What the function that searches a part does: JSON in, JSON out. Raises ValueError for what is
    no question, StorageError.
    """
    body = json.loads(question)
    note("collection", body["collection"])
    collection = deployment.catalog.open(body["collection"])
    try:
        part = Part.parse(body["part"])
        generation = collection.at(part.manifest.generation)
        hits = search_part(generation, part, _query(body["query"]))
    except ObjectMissing as error:
        return json.dumps({"to": _name(question), "gone": error.key}).encode()
    return json.dumps(
        {"to": _name(question), "hits": base64.b64encode(hits.data()).decode()}
    ).encode()


def encode_question(collection: str, part: Part, query: Query) -> bytes:
    """The JSON that `answer_part` understands. Raises TypeError for a predicate that is no filter:
    only those can be sent.
    """
    predicate = query.predicate
    if predicate is not None and not isinstance(predicate, Filter):
        raise TypeError(
            f"a {type(predicate).__name__} cannot be sent to another function; a filter can"
        )
    asked = {
        "code": base64.b64encode(query.vector.code.tobytes()).decode(),
        "feature": base64.b64encode(query.vector.feature.tobytes()).decode(),
        "scale": query.vector.scale,
        "count": query.count,
        "categories": None if query.categories is None else sorted(query.categories),
        "filter": predicate.text if predicate else None,
        "distinct": query.distinct,
        "min_similarity": query.min_similarity,
    }
    return canonical({"collection": collection, "part": part.text(), "query": asked})


def decode_answer(answer: bytes, question: bytes) -> bytes:
    """The hits in `answer`. Raises StoreUnavailable when it answers something else, ObjectMissing
    when a segment was gone.
    """
    try:
        body = json.loads(answer)
        fits = body["to"] == _name(question)
        gone = body.get("gone")
        data = base64.b64decode(body["hits"], validate=True) if fits and gone is None else b""
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreUnavailable(
            f"a part of the search answered nonsense: {error}; repeat later"
        ) from error
    if not fits:
        raise StoreUnavailable("a part of the search answered another question; repeat later")
    if gone is not None:
        raise ObjectMissing(gone)
    return data


def canonical(body: object) -> bytes:
    """JSON with sorted keys: Lambda parses a payload and gives the function an equal one, not the
    same text.
    """
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def _name(question: bytes) -> str:
    return hashlib.sha256(canonical(json.loads(question))).hexdigest()


def _query(asked: dict[str, object]) -> Query:
    """The question that a part was sent."""
    body: dict[str, object] = asked
    categories = body["categories"]
    text = body["filter"]
    return Query(
        vector=Vector(
            code=np.frombuffer(base64.b64decode(str(body["code"])), np.uint8),
            feature=np.frombuffer(base64.b64decode(str(body["feature"])), np.int8),
            scale=float(str(body["scale"])),
        ),
        count=int(str(body["count"])),
        categories=frozenset(int(one) for one in categories)
        if isinstance(categories, list)
        else None,
        predicate=parse(text) if isinstance(text, str) else None,
        distinct=body["distinct"] is True,
        min_similarity=float(str(body["min_similarity"])),
    )
