"""Runs inside the SDKs' own environment (`make test-sdk`), not the project's: calls one official
SDK and prints one JSON object.

python drive.py <sdk> <host:port> <key id> <secret> <collection> <folder of three PNG pictures a b
c>
"""

from __future__ import annotations

import base64
import io
import json
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")


def current(
    host: str, key_id: str, secret: str, collection: str, pictures: list[bytes]
) -> dict[str, object]:
    """alibabacloud_imagesearch20201214: the current SDK with nothing but endpoint and key."""
    from alibabacloud_imagesearch20201214 import models as api
    from alibabacloud_imagesearch20201214.client import Client
    from alibabacloud_tea_openapi.utils_models import Config
    from darabonba.runtime import RuntimeOptions

    client = Client(
        Config(access_key_id=key_id, access_key_secret=secret, endpoint=host, protocol="HTTP")
    )
    for number, data in enumerate(pictures):
        request = api.AddImageRequest(
            instance_name=collection,
            product_id=f"sdk-{number}",
            pic_name=f"上衣 {number}+*.png",
            pic_content=base64.b64encode(data).decode(),
            int_attr=number,
            str_attr="sdk 4.4",
            custom_content='{"名":"值"}',
        )
        client.add_image(request)
    encoded = base64.b64encode(pictures[1]).decode()
    found = client.search_image_by_pic(
        api.SearchImageByPicRequest(instance_name=collection, pic_content=encoded, num=2)
    ).body
    count = client.detail(api.DetailRequest(instance_name=collection)).body.instance.total_count
    client._open_platform_endpoint = host
    advance = api.SearchImageByPicAdvanceRequest(
        instance_name=collection, pic_content_object=io.BytesIO(pictures[2]), num=1
    )
    uploaded = client.search_image_by_pic_advance(advance, RuntimeOptions()).body
    for number in range(len(pictures)):
        client.delete_image(
            api.DeleteImageRequest(instance_name=collection, product_id=f"sdk-{number}")
        )
    refusal: tuple[object, ...] = ()
    try:
        Client(
            Config(access_key_id=key_id, access_key_secret="wrong", endpoint=host, protocol="HTTP")
        ).detail(api.DetailRequest(instance_name=collection))
    except Exception as error:  # noqa: BLE001  # the SDK's own type is the point
        refusal = (
            type(error).__name__,
            getattr(error, "code", None),
            getattr(error, "status_code", None),
        )
    left = client.detail(api.DetailRequest(instance_name=collection)).body.instance.total_count
    first = found.auctions[0]
    return {
        "found": [hit.product_id for hit in found.auctions],
        "name": first.pic_name,
        "sort": first.sort_expr_values,
        "score": first.score,
        "attributes": [first.int_attr, first.str_attr, first.custom_content],
        "count": count,
        "uploaded": [hit.product_id for hit in uploaded.auctions],
        "refusal": refusal,
        "left": left,
    }


def legacy(
    host: str,
    key_id: str,
    secret: str,
    collection: str,
    pictures: list[bytes],
    algorithm: str | None = None,
) -> dict[str, object]:
    """alibabacloud_imagesearch20190325."""
    from alibabacloud_imagesearch20190325 import models as api
    from alibabacloud_imagesearch20190325.client import Client
    from alibabacloud_tea_openapi.utils_models import Config

    client = Client(
        Config(
            access_key_id=key_id,
            access_key_secret=secret,
            endpoint=host,
            protocol="HTTP",
            signature_algorithm=algorithm,
        )
    )
    for number, data in enumerate(pictures):
        client.add_image(
            api.AddImageRequest(
                instance_name=collection,
                product_id=f"sdk-{number}",
                pic_name=f"上衣 {number}.png",
                pic_content=base64.b64encode(data).decode(),
                int_attr=number,
                str_attr="2019",
            )
        )
    found = client.search_image(
        api.SearchImageRequest(
            instance_name=collection, pic_content=base64.b64encode(pictures[1]).decode(), num=2
        )
    ).body
    by_name = client.search_image(
        api.SearchImageRequest(
            instance_name=collection,
            type="SearchByName",
            product_id="sdk-2",
            pic_name="上衣 2.png",
            num=1,
        )
    ).body
    for number in range(len(pictures)):
        client.delete_image(
            api.DeleteImageRequest(instance_name=collection, product_id=f"sdk-{number}")
        )
    return {
        "found": [hit.product_id for hit in found.auctions],
        "sort": found.auctions[0].sort_expr_values,
        "by_name": [hit.product_id for hit in by_name.auctions],
    }


def classic(
    host: str, key_id: str, secret: str, collection: str, pictures: list[bytes]
) -> dict[str, object]:
    """aliyun-python-sdk-imagesearch on aliyun-python-sdk-core."""
    from aliyunsdkcore.acs_exception.exceptions import ServerException
    from aliyunsdkcore.client import AcsClient
    from aliyunsdkimagesearch.request.v20190325 import (
        AddImageRequest,
        DeleteImageRequest,
        SearchImageRequest,
    )

    client = AcsClient(key_id, secret, "cn-shanghai")

    def send(request: object) -> dict[str, object]:
        request.set_endpoint(host)  # type: ignore[attr-defined]
        answer: dict[str, object] = json.loads(client.do_action_with_exception(request))
        return answer

    for number, data in enumerate(pictures):
        add = AddImageRequest.AddImageRequest()
        add.set_InstanceName(collection)
        add.set_ProductId(f"sdk-{number}")
        add.set_PicName(f"{number}.png")
        add.set_PicContent(base64.b64encode(data).decode())
        send(add)
    search = SearchImageRequest.SearchImageRequest()
    search.set_InstanceName(collection)
    search.set_Type("SearchByPic")
    search.set_PicContent(base64.b64encode(pictures[1]).decode())
    found = send(search)
    refusal: tuple[object, ...] = ()
    client = AcsClient(key_id, "wrong", "cn-shanghai")
    try:
        send(search)
    except ServerException as error:
        refusal = (error.get_error_code(), error.get_http_status())
    client = AcsClient(key_id, secret, "cn-shanghai")
    for number in range(len(pictures)):
        delete = DeleteImageRequest.DeleteImageRequest()
        delete.set_InstanceName(collection)
        delete.set_ProductId(f"sdk-{number}")
        send(delete)
    auctions = found["Auctions"]
    assert isinstance(auctions, list)
    return {
        "found": [hit["ProductId"] for hit in auctions],
        "sort": auctions[0]["SortExprValues"],
        "refusal": refusal,
    }


def main() -> None:
    """See the module's docstring."""
    sdk, host, key_id, secret, collection, folder = sys.argv[1:]
    pictures = [path.read_bytes() for path in sorted(Path(folder).glob("*.png"))]
    if sdk == "current":
        result = current(host, key_id, secret, collection, pictures)
    elif sdk == "legacy":
        result = legacy(host, key_id, secret, collection, pictures)
    elif sdk == "legacy-v2":
        result = legacy(host, key_id, secret, collection, pictures, "v2")
    else:
        result = classic(host, key_id, secret, collection, pictures)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
