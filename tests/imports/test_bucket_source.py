"""Reading a bucket: the seven errors that an owner may meet, and the cheap GET."""

from __future__ import annotations

import pytest

from chalicelib.errors import (
    BadPicture,
    PictureFault,
    PictureNotFound,
    SourceError,
    SourceFault,
    StoreUnavailable,
)
from chalicelib.storage.source import Location, Role, Source
from chalicelib.storage.sources import AwsSources
from tests.imports.aws import READ, REGION, Aws


def located(bucket: str, path: str = "/shop", role: Role | None = None) -> Location:
    return Location("bucket", bucket, path, role)


def fault_of(sources: AwsSources, location: Location) -> tuple[SourceFault, str]:
    with pytest.raises(SourceError) as caught:
        sources.open(location).check()
    return caught.value.fault, str(caught.value)


def test_a_bucket_that_is_right_passes(cloud: Aws, sources: AwsSources) -> None:
    cloud.bucket("pics", {"shop/increment.meta": b"{}"})
    cloud.become("lookalike", *READ)
    sources.open(located("pics")).check()


def test_another_regions_bucket_is_refused_with_both_regions_and_what_to_do(
    cloud: Aws, sources: AwsSources
) -> None:
    cloud.bucket("far", {"shop/increment.meta": b"{}"}, region="ap-southeast-1")
    fault, message = fault_of(sources, located("far"))
    assert fault is SourceFault.OTHER_REGION
    assert "'far'" in message
    assert "ap-southeast-1" in message
    assert REGION in message
    assert "aws s3 sync" in message


def test_a_missing_permission_names_the_actions_and_resources(
    cloud: Aws, sources: AwsSources
) -> None:
    cloud.bucket("pics", {"shop/increment.meta": b"{}"})
    cloud.become("nobody", "s3:ListAllMyBuckets")
    fault, message = fault_of(sources, located("pics"))
    assert fault is SourceFault.NO_PERMISSION
    assert "s3:GetObject on arn:aws:s3:::pics/shop/*" in message
    assert "s3:ListBucket on arn:aws:s3:::pics" in message
    assert "deploy with ImportBuckets=arn:aws:s3:::pics," in message


def test_a_lent_role_without_permission_is_named(cloud: Aws, sources: AwsSources) -> None:
    cloud.bucket("theirs", {"shop/increment.meta": b"{}"})
    arn = cloud.role("reader", "s3:ListAllMyBuckets", external_id="agreed")
    cloud.become("lookalike", "sts:AssumeRole")
    fault, message = fault_of(sources, located("theirs", role=Role(arn, "agreed")))
    assert fault is SourceFault.NO_PERMISSION
    assert f"The role {arn}" in message
    assert "s3:GetObject on arn:aws:s3:::theirs/shop/*" in message


def test_a_bucket_that_does_not_exist(cloud: Aws, sources: AwsSources) -> None:
    fault, message = fault_of(sources, located("typo"))
    assert fault is SourceFault.NO_BUCKET
    assert "'typo'" in message


def test_a_path_that_does_not_exist(cloud: Aws, sources: AwsSources) -> None:
    cloud.bucket("pics", {"other/a.jpg": b"x"})
    fault, message = fault_of(sources, located("pics", "/shop"))
    assert fault is SourceFault.NO_PATH
    assert "s3://pics/shop" in message


def test_a_path_without_increment_meta(cloud: Aws, sources: AwsSources) -> None:
    cloud.bucket("pics", {"shop/a.jpg": b"x"})
    fault, message = fault_of(sources, located("pics"))
    assert fault is SourceFault.NO_META
    assert "increment.meta" in message


@pytest.mark.parametrize(
    "arn",
    [
        "reader",
        "arn:aws:iam::12:role/reader",
        "arn:aws:s3:::pics",
        "arn:aws:iam::123456789012:user/reader",
        "",
    ],
)
def test_an_arn_that_cannot_be_a_role(cloud: Aws, sources: AwsSources, arn: str) -> None:
    fault, message = fault_of(sources, located("pics", role=Role(arn, "secret")))
    assert fault is SourceFault.BAD_ARN
    assert "arn:aws:iam::123456789012:role/" in message


def test_a_role_that_does_not_trust_our_external_id(cloud: Aws, sources: AwsSources) -> None:
    arn = cloud.role("reader", *READ, external_id="right")
    cloud.become("lookalike", "sts:AssumeRole")
    fault, message = fault_of(sources, located("pics", role=Role(arn, "wrong")))
    assert fault is SourceFault.NO_ROLE
    assert f"ImportRoles={arn}" in message
    assert "'wrong'" in message


def test_a_role_that_we_may_not_assume(cloud: Aws, sources: AwsSources) -> None:
    cloud.become("lookalike", *READ)
    fault, message = fault_of(
        sources, located("pics", role=Role("arn:aws:iam::210987654321:role/gone", "id"))
    )
    assert fault is SourceFault.NO_ROLE
    assert "sts:AssumeRole" in message


def test_another_accounts_bucket_is_read_by_its_role_alone(cloud: Aws, sources: AwsSources) -> None:
    cloud.bucket("theirs", {"shop/increment.meta": b"{}\n", "shop/a b/ü.jpg": b"picture"})
    arn = cloud.role("reader", *READ, external_id="agreed")
    cloud.become("lookalike", "sts:AssumeRole")
    assert fault_of(sources, located("theirs"))[0] is SourceFault.NO_PERMISSION
    lent = sources.open(located("theirs", role=Role(arn, "agreed")))
    lent.check()
    assert b"".join(lent.meta().chunks) == b"{}\n"
    assert lent.picture("a b/ü.jpg", limit=100) == b"picture"


def test_credentials_that_aws_does_not_know(cloud: Aws, sources: AwsSources) -> None:
    cloud.enforce(after="0")
    fault, message = fault_of(
        sources, located("pics", role=Role("arn:aws:iam::210987654321:role/reader", "id"))
    )
    assert fault is SourceFault.NO_PERMISSION
    assert "InvalidClientTokenId" in message
    assert "aws sts get-caller-identity" in message


def test_no_credentials_at_all(cloud: Aws, sources: AwsSources) -> None:
    cloud.patch.delenv("AWS_ACCESS_KEY_ID")
    cloud.patch.delenv("AWS_SECRET_ACCESS_KEY")
    cloud.patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    cloud.patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    cloud.patch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    fault, message = fault_of(sources, located("pics"))
    assert fault is SourceFault.NO_PERMISSION
    assert "aws configure" in message


@pytest.fixture
def shop(cloud: Aws, sources: AwsSources) -> Source:
    cloud.bucket(
        "pics",
        {
            "shop/increment.meta": b"first",
            "shop/a+b%20c?.jpg": b"odd",
            "shop/big.jpg": b"x" * 1001,
            "top.jpg": b"top",
        },
    )
    return sources.open(located("pics"))


def test_pictures_are_found_by_their_exact_name(shop: Source) -> None:
    assert shop.picture("a+b%20c?.jpg", limit=100) == b"odd"
    with pytest.raises(PictureNotFound, match=r"none\.jpg"):
        shop.picture("none.jpg", limit=100)
    assert shop.picture("a+b%20c?.jpg", limit=100) == b"odd"


def test_the_root_of_a_bucket_is_a_folder_too(
    cloud: Aws, sources: AwsSources, shop: Source
) -> None:
    assert sources.open(located("pics", "/")).picture("top.jpg", limit=100) == b"top"


def test_a_picture_over_the_limit_is_not_downloaded(shop: Source) -> None:
    with pytest.raises(BadPicture, match="1001 bytes") as caught:
        shop.picture("big.jpg", limit=1000)
    assert caught.value.fault is PictureFault.BYTES
    assert shop.picture("big.jpg", limit=1001) == b"x" * 1001


def test_a_picture_that_may_not_be_read_is_told_from_one_that_is_not_there(
    cloud: Aws, shop: Source
) -> None:
    cloud.become("nobody", "s3:ListAllMyBuckets")
    other = AwsSources(REGION, sleep=lambda _: None)
    with pytest.raises(SourceError) as caught:
        other.open(located("pics")).picture("big.jpg", limit=5000)
    assert caught.value.fault is SourceFault.NO_PERMISSION
    other.close()


def test_a_replaced_increment_meta_is_noticed(cloud: Aws, shop: Source) -> None:
    version = shop.meta().version
    cloud.client("s3").put_object(Bucket="pics", Key="shop/increment.meta", Body=b"second")
    with pytest.raises(SourceError, match="replaced while it was being read"):
        shop.meta(version=version)


def test_a_server_that_does_not_answer_is_no_missing_picture(
    cloud: Aws, sources: AwsSources
) -> None:
    cloud.patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    source = sources.open(located("pics"))
    with pytest.raises(StoreUnavailable, match="repeat later"):
        source.picture("a.jpg", limit=10)
    with pytest.raises(StoreUnavailable, match="repeat later"):
        source.check()
