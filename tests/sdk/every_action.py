"""Runs inside the SDKs' own environment: every action of 2020-12-14 by the official SDK, and what
it makes of the answers. Prints one JSON object.

python every_action.py <host:port> <key id> <secret> <collection> <folder of three PNG pictures>
python every_action.py <host:port> <key id> <secret> <collection> <bucket>:<path>    imports only
"""

from __future__ import annotations

import base64
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")


class Shop:
    """One collection, spoken to by the SDK."""

    def __init__(self, host: str, key_id: str, secret: str, collection: str) -> None:
        from alibabacloud_imagesearch20201214 import models
        from alibabacloud_imagesearch20201214.client import Client
        from alibabacloud_tea_openapi.utils_models import Config

        self.api: Any = models
        self._collection = collection
        self._client: Any = Client(
            Config(access_key_id=key_id, access_key_secret=secret, endpoint=host, protocol="HTTP")
        )

    def ask(self, method: str, **members: object) -> Any:
        """The body of the SDK's answer to `method`."""
        name = "".join(part.capitalize() for part in method.split("_"))
        request = getattr(self.api, f"{name}Request")(instance_name=self._collection, **members)
        return getattr(self._client, method)(request).body

    def refused(self, method: str, **members: object) -> list[object]:
        """The SDK's exception, its code and status."""
        try:
            self.ask(method, **members)
        except Exception as error:  # noqa: BLE001  # the SDK's own type is the point
            return [
                type(error).__name__,
                getattr(error, "code", None),
                getattr(error, "status_code", None),
            ]
        return []

    def ended(self, method: str, rows: Callable[[Any], Any], task: object) -> str:
        """How a task ended, at most half a minute later."""
        for _ in range(60):
            status: str = rows(self.ask(method, id=int(str(task))).data)[0].status
            if status != "PROCESSING":
                return status
            time.sleep(0.5)
        return "PROCESSING"


def records(shop: Shop, texts: list[str]) -> dict[str, object]:
    """Adds three pictures and asks for them in every way."""
    for number, text in enumerate(texts):
        attributes: dict[str, object] = {
            f"int_attr{n}": 10 * number + int(n[1:] or 1) for n in ("", "_2", "_3", "_4")
        }
        attributes |= {f"str_attr{n}": f"s{number}" for n in ("", "_2", "_3", "_4")}
        added = shop.ask(
            "add_image",
            product_id=f"p{number // 2}",
            pic_name=f"{number}.png",
            pic_content=text,
            custom_content="k:v",
            crop=False,
            region="10,90,20,80",
            **attributes,
        )
    name = {"product_id": "p0", "pic_name": "1.png"}
    page = shop.ask("search_image_by_pic", pic_content=texts[0], num=2, start=1)
    filtered = shop.ask("search_image_by_filter", filter='int_attr>=10 AND str_attr in ("s1","s2")')
    by_name = shop.ask("search_image_by_name", **name, distinct_product_id=True)
    shop.ask("update_image", **name, int_attr_4=-7, str_attr_3="new")
    there = shop.ask("check_image_exists", **name)
    compared = shop.ask(
        "compare_similar_by_image", primary_pic_content=texts[0], secondary_pic_content=texts[0]
    )
    return {
        "added": [added.success, added.pic_info.region],
        "head": [page.head.docs_found, page.head.docs_return],
        "paged": len(page.auctions),
        "filtered": [hit.pic_name for hit in filtered.auctions],
        "by name": [hit.product_id for hit in by_name.auctions],
        "there": [there.exists, there.auctions.int_attr_4, there.auctions.str_attr_3],
        "absent": shop.ask("check_image_exists", product_id="p0", pic_name="no").exists,
        "compared": compared.score,
    }


def imported(shop: Shop, bucket: str, path: str) -> dict[str, object]:
    """Imports a folder of a bucket and waits for the end."""
    task = shop.ask("increase_instance", bucket_name=bucket, path=path).data.id
    ended = shop.ended("increase_list", lambda data: data.increments.instance, task)
    (row,) = shop.ask("increase_list", id=int(task)).data.increments.instance
    count = shop.ask("detail").instance.total_count
    return {"ended": ended, "from": [row.bucket_name, row.path], "count": count}


def main() -> None:
    """See the module's docstring."""
    *place, folder = sys.argv[1:]
    shop = Shop(*place)
    if not Path(folder).is_dir():
        print(json.dumps(imported(shop, *folder.split(":"))))
        return
    texts = [base64.b64encode(p.read_bytes()).decode() for p in sorted(Path(folder).glob("*.png"))]
    result = records(shop, texts)
    task = shop.ask("dump_meta").data.id
    result["exported"] = shop.ended("dump_meta_list", lambda data: data.dump_meta_list, task)
    result["imports"] = shop.ask("increase_list").data.total_count
    result["refused"] = {
        "text": shop.refused("search_image_by_text", text="a dress"),
        "import": shop.refused("increase_instance", bucket_name="nobody-s", path="/a"),
        "filter": shop.refused("search_image_by_filter", filter="int_attr >> 1"),
        "num": shop.refused("search_image_by_pic", pic_content=texts[0], num=101),
        "picture": shop.refused("search_image_by_pic", pic_content="AAAA"),
        "name": shop.refused("search_image_by_name", product_id="p", pic_name="no"),
    }
    gone = shop.ask("delete_image", is_delete_by_filter=True, filter="int_attr=1").data.pic_names
    gone += shop.ask("delete_image", product_id="p0").data.pic_names
    gone += shop.ask("delete_image", product_id="p1", pic_name="2.png").data.pic_names
    result["gone"] = gone
    result["left"] = shop.ask("detail").instance.total_count
    print(json.dumps(result))


if __name__ == "__main__":
    main()
