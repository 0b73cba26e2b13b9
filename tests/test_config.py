from __future__ import annotations

import pytest

from chalicelib.config import Settings


def test_without_an_environment_every_setting_has_its_default() -> None:
    assert Settings.read({}) == Settings()


def test_each_kind_of_value_is_read() -> None:
    settings = Settings.read(
        {
            "LOOKALIKE_STORE": "s3://b/p",
            "LOOKALIKE_CACHE_MB": "64",
            "LOOKALIKE_STRICT_REPLAY": "TRUE",
            "LOOKALIKE_UNSIGNED_BODIES": "no",
        }
    )
    assert (
        settings.store,
        settings.cache_mb,
        settings.strict_replay,
        settings.unsigned_bodies,
    ) == ("s3://b/p", 64, True, False)


def test_the_region_is_the_functions_unless_set() -> None:
    assert Settings.read({"AWS_REGION": "eu-west-1"}).region == "eu-west-1"
    assert (
        Settings.read({"AWS_REGION": "eu-west-1", "LOOKALIKE_REGION": "eu-north-1"}).region
        == "eu-north-1"
    )


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("LOOKALIKE_CACHE_MB", "much", "whole number"),
        ("LOOKALIKE_CACHE_MB", "-1", "not be negative"),
        ("LOOKALIKE_STRICT_REPLAY", "perhaps", "true or false"),
    ],
)
def test_a_value_that_does_not_fit_names_its_variable(name: str, value: str, wanted: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is .*{wanted}"):
        Settings.read({name: value})
