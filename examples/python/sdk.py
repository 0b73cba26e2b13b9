"""The same with the official SDK, which needs nothing but another endpoint.

pip install alibabacloud_imagesearch20201214==4.4.0 LOOKALIKE_URL=http://127.0.0.1:8000
LOOKALIKE_KEY_ID=… LOOKALIKE_KEY_SECRET=… python sdk.py COLLECTION PICTURE
"""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from alibabacloud_imagesearch20201214 import models
from alibabacloud_imagesearch20201214.client import Client
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions


def main(collection: str, path: str) -> None:
    """Adds the picture, finds it twice: sent in the request, and sent ahead by the SDK's upload
    helper.
    """
    url = urlsplit(os.environ["LOOKALIKE_URL"])
    client = Client(
        Config(
            access_key_id=os.environ["LOOKALIKE_KEY_ID"],
            access_key_secret=os.environ["LOOKALIKE_KEY_SECRET"],
            endpoint=url.netloc,  # a bare host, with its port if it has one
            protocol=url.scheme.upper(),
        )
    )
    content = base64.b64encode(Path(path).read_bytes()).decode()
    client.add_image(
        models.AddImageRequest(
            instance_name=collection,
            product_id="example",
            pic_name=Path(path).name,
            pic_content=content,
        )
    )
    found = client.search_image_by_pic(
        models.SearchImageByPicRequest(instance_name=collection, pic_content=content, num=5)
    ).body
    for hit in found.auctions:
        print(f"{hit.score:.3f}  {hit.sort_expr_values:>24}  {hit.product_id} {hit.pic_name}")

    client._open_platform_endpoint = url.netloc  # Config has no field for it that the SDK reads
    with Path(path).open("rb") as picture:
        request = models.SearchImageByPicAdvanceRequest(
            instance_name=collection, pic_content_object=picture, num=1
        )
        print(
            "sent ahead:",
            client.search_image_by_pic_advance(request, RuntimeOptions()).body.auctions[0].pic_name,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
