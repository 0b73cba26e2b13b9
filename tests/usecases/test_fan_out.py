"""A search in parts answers as one search does."""

from __future__ import annotations

import random
from collections import Counter

from chalicelib.index.collection import Collection
from chalicelib.index.read.fan_out import split
from chalicelib.usecases import fan_out
from chalicelib.usecases.deployment import Deployment
from tests.usecases.parts import ROWS, SEGMENTS, Executor, as_bytes, fanned_out, random_query


def test_200_queries_in_parts_answer_byte_for_byte_like_one_search(
    setting: tuple[Deployment, Collection],
) -> None:
    deployment, collection = setting
    executor = Executor(deployment)
    asking = fanned_out(deployment, executor)
    seed = random.Random(11)
    hit_counts: Counter[bool] = Counter()
    for _ in range(200):
        query = random_query(seed)
        snapshot = collection.snapshot()
        alone = snapshot.search(query)
        assert as_bytes(fan_out.search(collection, snapshot, query, asking)) == as_bytes(alone)
        hit_counts[bool(alone.hits)] += 1
    assert hit_counts[True] > 100, "queries that find nothing prove nothing"
    assert max(executor.asked.values()) == 1


def test_the_parts_are_as_many_as_the_rows_need(setting: tuple[Deployment, Collection]) -> None:
    deployment, collection = setting
    for rows, parts in ((ROWS, SEGMENTS), (3 * ROWS, 3), (100 * ROWS, 0)):
        executor = Executor(deployment)
        snapshot = collection.snapshot()
        fan_out.search(
            collection,
            snapshot,
            random_query(random.Random(1)),
            fanned_out(deployment, executor, rows=rows),
        )
        assert abs(len(executor.asked) - parts) <= 1
        assert bool(executor.asked) == bool(parts)


def test_without_functions_the_parts_are_searched_here_by_the_same_code(
    setting: tuple[Deployment, Collection],
) -> None:
    deployment, collection = setting
    query = random_query(random.Random(3))
    snapshot = collection.snapshot()
    assert as_bytes(
        fan_out.search(collection, snapshot, query, fanned_out(deployment))
    ) == as_bytes(snapshot.search(query))


def test_a_question_fits_into_an_invocation(setting: tuple[Deployment, Collection]) -> None:
    _, collection = setting
    part, *_ = split(collection.snapshot(), 1)
    assert len(fan_out.encode_question("shop", part, random_query(random.Random(12)))) < 100_000
