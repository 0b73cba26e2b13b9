"""Whatever bytes come, decode answers with a picture or with BadPicture, within its limits of time
and memory.
"""

from __future__ import annotations

import pytest

from tests.vision import limits


def mutate(seed: int, count: int, *more: str) -> dict[str, int]:
    lines = limits.run("tests.vision.mutate", str(seed), str(count), *more)
    return {
        name: int(number)
        for line in lines
        for name, number in (word.split("=") for word in line.split())
    }


def test_twenty_thousand_mutated_pictures() -> None:
    outcomes = mutate(seed=20201214, count=20_000)
    assert outcomes.pop("peak") < limits.PEAK_MB
    assert sum(outcomes.values()) == 20_000
    assert "silent" not in outcomes
    assert outcomes["read"] > 2_000, (
        "mutations must leave some files readable, or nothing but the header is tested"
    )
    assert outcomes["format"] > 2_000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 9))
def test_two_hundred_thousand_mutated_pictures(seed: int) -> None:
    outcomes = mutate(seed=seed, count=25_000)
    assert outcomes.pop("peak") < limits.PEAK_MB
    assert sum(outcomes.values()) == 25_000


@pytest.mark.slow
def test_four_thousand_mutated_pictures_through_the_models() -> None:
    outcomes = mutate(31, 4_000, "analyze")
    assert outcomes.pop("peak") < limits.PEAK_MB
    assert sum(outcomes.values()) == 4_000
