"""Finds what looks alike: by a picture, by a stored record, by filter alone; and compares two
pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from chalicelib.contract.messages import (
    ComparePictures,
    SearchByFilter,
    SearchByName,
    SearchByPicture,
    SearchByText,
)
from chalicelib.contract.values import MAX_COUNT, Narrow, Page
from chalicelib.errors import RecordNotFound, Unsupported
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Key, Vector, quantise
from chalicelib.index.read.query import Hits, Query, Row
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.region import Region
from chalicelib.service import OTHERS, Service
from chalicelib.trace import note, stage
from chalicelib.usecases import fan_out
from chalicelib.usecases.add import category_used, check_fingerprint
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.scores import least_similarity, score, sort_values
from chalicelib.usecases.uploads import take
from chalicelib.vision.analysis import Request, ScoreCurve

COVERAGE: Final = 0.95
"""Probability that the categories searched hold the picture's own, where none was given
(docs/adr/0021).
"""
ENOUGH: Final = MAX_COUNT
"""Matching records, one full answer, that these categories must hold; a search that would find
fewer there looks through all.
"""


@dataclass(frozen=True, slots=True)
class Match:
    """A record found."""

    row: Row
    score: float
    """0 to 1."""
    sort_values: str
    """`relevance;hamming`."""


@dataclass(frozen=True, slots=True)
class SearchResults:
    """An answer to a search."""

    matches: tuple[Match, ...]
    """Best first."""
    found: int
    """Records that match category and filter."""
    service: Service
    category_id: int
    """The one used: given, predicted, or the stored record's."""
    region: Region
    regions: tuple[Region, ...]
    milliseconds: int
    """Analysis and search."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is looked for, and what was seen in it."""

    vector: Vector
    categories: frozenset[int] | None
    """Looked through; None: all."""
    sure: bool
    """Whether the caller gave the category. A predicted one narrows a search, but does not cut its
    answer short.
    """
    category_id: int
    region: Region
    regions: tuple[Region, ...]


def search_by_picture(message: SearchByPicture, deployment: Deployment) -> SearchResults:
    """The records most like a picture.

    Raises CollectionNotFound, FingerprintMismatch, BadPicture, InvalidField("region",
    "picture_url"), StorageError.
    """
    started = deployment.clock()
    collection = deployment.catalog.open(message.collection)
    service, view, analyzer = collection.info.service, message.view, deployment.analyzer()
    picture = take(message.picture, deployment)
    with stage("vision"):
        analysis = analyzer.analyze(picture, Request(service, crop=view.crop, region=view.region))
    snapshot = _snapshot(collection)
    check_fingerprint(snapshot, analyzer, name=message.collection)
    wanted = _Wanted(
        vector=quantise(analysis.feature, analysis.code),
        categories=_searched(analysis.categories, service=service, category_id=view.category_id),
        sure=view.category_id is not None,
        category_id=category_used(analysis, service=service, category_id=view.category_id),
        region=analysis.region,
        regions=analysis.regions,
    )
    return _find(
        wanted,
        collection,
        snapshot,
        deployment,
        page=message.page,
        narrow=message.narrow,
        started=started,
    )


def search_by_name(message: SearchByName, deployment: Deployment) -> SearchResults:
    """The records most like a stored one, which comes first itself. Raises CollectionNotFound,
    RecordNotFound, StorageError.
    """
    started = deployment.clock()
    collection = deployment.catalog.open(message.collection)
    service = collection.info.service
    snapshot = _snapshot(collection)
    record = snapshot.find(Key(message.product_id, message.pic_name))
    if record is None:
        raise RecordNotFound(
            f"collection {message.collection} has no picture {message.pic_name!r} of product "
            f"{message.product_id!r}"
        )
    category_id = (
        message.category_id
        if message.category_id is not None and service.has_categories
        else record.category_id
    )
    wanted = _Wanted(
        vector=record.vector,
        categories=frozenset({category_id}) if service.has_categories else None,
        sure=message.category_id is not None,
        category_id=category_id,
        region=record.region,
        regions=(record.region,),
    )
    return _find(
        wanted,
        collection,
        snapshot,
        deployment,
        page=message.page,
        narrow=message.narrow,
        started=started,
    )


def search_by_filter(message: SearchByFilter, deployment: Deployment) -> list[Row]:
    """One page of the records that a filter matches, by key. Raises CollectionNotFound,
    StorageError.
    """
    rows = deployment.catalog.open(message.collection).snapshot().select(message.filter)
    return rows[message.page.start : message.page.start + message.page.count]


def search_by_text(message: SearchByText, deployment: Deployment) -> SearchResults:
    """Raises CollectionNotFound; else Unsupported: no kind of collection understands text yet."""
    service = deployment.catalog.open(message.collection).info.service
    raise Unsupported(
        f"collections of type {service.name.lower()} cannot be searched by text; search by "
        "picture, name or filter"
    )


def compare(message: ComparePictures, deployment: Deployment) -> float:
    """How alike two pictures are, 0 to 1. Raises CollectionNotFound, BadPicture,
    InvalidField("picture_url").
    """
    service = deployment.catalog.open(message.collection).info.service
    analyzer = deployment.analyzer()
    pictures = [take(message.primary, deployment), take(message.secondary, deployment)]
    first, second = (
        quantise(analysis.feature, analysis.code)
        for analysis in (analyzer.analyze(data, Request(service)) for data in pictures)
    )
    curve = analyzer.score_curve(service)
    return score(_similarity(first, second), curve.similarities, curve.scores)


def _similarity(first: Vector, second: Vector) -> float:
    """Cosine of two int8 features, exactly 1 when they are equal."""
    if np.array_equal(first.feature, second.feature):
        return 1.0
    a, b = first.feature.astype(np.float64), second.feature.astype(np.float64)
    return min(float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b))), 1.0 - 2.0**-24)


def _searched(
    categories: Sequence[tuple[int, float]], *, service: Service, category_id: int | None
) -> frozenset[int] | None:
    """The given category, or the likeliest ones that together reach COVERAGE; None: all, where
    there are no categories.
    """
    if not service.has_categories:
        return None
    if category_id is not None:
        return frozenset({category_id})
    chosen, covered = set(), 0.0
    for candidate, probability in categories:
        chosen.add(candidate)
        covered += probability
        if covered >= COVERAGE:
            break
    return frozenset(chosen or {OTHERS})


def _snapshot(collection: Collection) -> Snapshot:
    with stage("snapshot"):
        snapshot = collection.snapshot()
    note("snapshot", snapshot.version)
    return snapshot


def _find(
    wanted: _Wanted,
    collection: Collection,
    snapshot: Snapshot,
    deployment: Deployment,
    *,
    page: Page,
    narrow: Narrow,
    started: float,
) -> SearchResults:
    """Searches and turns what was found into an answer."""
    service = collection.info.service
    curve = deployment.analyzer().score_curve(service)
    query = Query(
        vector=wanted.vector,
        count=page.start + page.count,
        categories=wanted.categories,
        predicate=narrow.filter,
        distinct=narrow.distinct,
        min_similarity=least_similarity(narrow.min_score, curve.similarities, curve.scores)
        if narrow.min_score > 0
        else -1.0,
    )
    with stage("search"):
        hits = fan_out.search(collection, snapshot, query, deployment)
        # the predicted categories hold too little to be trusted (docs/adr/0021)
        if query.categories is not None and not wanted.sure and hits.found < ENOUGH:
            hits = fan_out.search(collection, snapshot, replace(query, categories=None), deployment)
    note("rows_scanned", hits.scanned)
    note("rows_found", hits.found)
    return SearchResults(
        matches=_matches(hits, page.start, curve, deployment),
        found=hits.found,
        service=service,
        category_id=wanted.category_id,
        region=wanted.region,
        regions=wanted.regions,
        milliseconds=max(0, round((deployment.clock() - started) * 1000)),
    )


def _matches(
    hits: Hits, start: int, curve: ScoreCurve, deployment: Deployment
) -> tuple[Match, ...]:
    """What the answer says of each hit."""
    return tuple(
        Match(
            row=hit.row,
            score=score(hit.similarity, curve.similarities, curve.scores),
            sort_values=sort_values(
                hit.similarity,
                hit.hamming,
                category_id=hit.row.category_id,
                by_category=deployment.settings.relevance_by_category,
            ),
        )
        for hit in hits.hits[start:]
    )
