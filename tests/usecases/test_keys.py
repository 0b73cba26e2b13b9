from __future__ import annotations

import pytest

from chalicelib.errors import Conflict, CorruptObject, InvalidField, NotFound
from chalicelib.usecases import keys
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.keys import (
    create_key,
    find_key,
    list_keys,
    retire_key,
    revoke_key,
    rotate_key,
    signing_secret,
)
from tests.gateway.client import Client, memory_deployment


@pytest.fixture
def deployment() -> Deployment:
    return memory_deployment()


def test_a_key_is_made_listed_and_found(deployment: Deployment) -> None:
    new = create_key(
        deployment, name="shop", access="read", collections=frozenset({"demo"}), bearer=True
    )
    (key,) = list_keys(deployment)
    assert (key.key_id, key.name, key.bearer, key.rotating) == (new.key_id, "shop", True, False)
    assert key.access == "read"
    assert key.collections == {"demo"}
    assert key.secrets == (new.secret,)
    assert find_key(deployment, new.key_id, max_age_s=0) == key
    assert find_key(deployment, "LAother", max_age_s=0) is None
    assert not key.owner


def test_two_keys_are_never_alike(deployment: Deployment) -> None:
    made = [create_key(deployment) for _ in range(20)]
    assert len({new.key_id for new in made}) == len({new.secret for new in made}) == 20
    assert [key.owner for key in list_keys(deployment)] == [True] * 20


def test_a_revoked_key_is_gone_and_others_stay(deployment: Deployment) -> None:
    first, second = create_key(deployment), create_key(deployment)
    revoke_key(deployment, first.key_id)
    assert [key.key_id for key in list_keys(deployment)] == [second.key_id]
    with pytest.raises(NotFound, match=first.key_id):
        revoke_key(deployment, first.key_id)


def test_rotation_keeps_both_secrets_until_the_older_is_retired() -> None:
    client = Client.new()
    old = client.key
    new = rotate_key(client.deployment, old.key_id)
    for key in (old, new):
        assert client.call("Detail", {"InstanceName": "product"}, key=key)[0] == 200
    with pytest.raises(Conflict, match="retire"):
        rotate_key(client.deployment, old.key_id)
    retire_key(client.deployment, old.key_id)
    assert client.code("Detail", {"InstanceName": "product"}, key=old) == (
        400,
        "SignatureDoesNotMatch",
    )
    assert client.call("Detail", {"InstanceName": "product"}, key=new)[0] == 200


@pytest.mark.parametrize(
    ("access", "collections", "allowed"),
    [
        ("write", (), {"Detail", "AddImage", "other"}),
        ("read", (), {"Detail", "other"}),
        ("write", ("product",), {"Detail", "AddImage"}),
        ("read", ("generic",), {"other"}),
    ],
)
def test_a_key_does_what_it_may_and_nothing_else(
    access: keys.Access, collections: tuple[str, ...], allowed: set[str]
) -> None:
    client = Client.new()
    key = client.with_key(access=access, collections=frozenset(collections))
    tries = {
        "Detail": ("Detail", {"InstanceName": "product"}, "Console.NoPermission"),
        "AddImage": (
            "AddImage",
            {"InstanceName": "product", "ProductId": "p", "PicName": "n", "PicContent": "AAAA"},
            "NoPermission",
        ),
        "other": ("Detail", {"InstanceName": "generic"}, "Console.NoPermission"),
    }
    for name, (action, params, refusal) in tries.items():
        status, members = client.call(action, params, key=key)
        assert (members.get("Code") == refusal and status == 403) is (name not in allowed), name


def test_limits_of_a_key_are_checked_when_it_is_made(deployment: Deployment) -> None:
    with pytest.raises(InvalidField, match="cannot be a collection"):
        create_key(deployment, collections=frozenset({"no such name!"}))
    with pytest.raises(InvalidField, match="100 characters"):
        create_key(deployment, name="x" * 101)
    with pytest.raises(InvalidField, match="read or write"):
        create_key(deployment, access="admin")  # type: ignore[arg-type]
    assert list_keys(deployment) == []


def test_too_many_keys_are_refused_before_they_no_longer_fit(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "MAX_BYTES", 1000)
    for _ in range(3):
        create_key(deployment)
    with pytest.raises(Conflict, match="too many keys"):
        create_key(
            deployment, name="x" * 100, collections=frozenset(f"collection-{n}" for n in range(20))
        )
    assert len(list_keys(deployment)) == 3


def test_secrets_are_in_no_representation(deployment: Deployment) -> None:
    new = create_key(deployment)
    text = repr(new) + repr(list_keys(deployment)) + repr(deployment.secrets.read())
    assert new.secret not in text


def test_keys_that_cannot_be_read_say_so_without_their_text(deployment: Deployment) -> None:
    deployment.secrets.replace(
        '{"format": 1, "signing": "hush", "keys": [{"id": "LA", "secrets": "hush"', version=""
    )
    with pytest.raises(CorruptObject) as caught:
        list_keys(deployment)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_signing_secret_is_made_once_and_survives_other_changes(deployment: Deployment) -> None:
    first = signing_secret(deployment)
    create_key(deployment)
    assert signing_secret(deployment) == first
