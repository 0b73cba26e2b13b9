"""Add a picture and find it, with nothing but Python's standard library: a complete client in forty
lines.

LOOKALIKE_URL=http://127.0.0.1:8000 LOOKALIKE_KEY_ID=… LOOKALIKE_KEY_SECRET=… python plain.py
COLLECTION PICTURE
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sys
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

URL = os.environ["LOOKALIKE_URL"].rstrip("/") + "/"
KEY_ID = os.environ["LOOKALIKE_KEY_ID"]
SECRET = os.environ["LOOKALIKE_KEY_SECRET"]


def call(action: str, **parameters: object) -> dict[str, Any]:
    """One signed request (ACS3-HMAC-SHA256). The answer's members; an error ends the program with
    its code and message.
    """
    body = urlencode(parameters).encode()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "host": urlsplit(URL).netloc,
        "x-acs-action": action,
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-version": "2020-12-14",
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{headers['x-acs-content-sha256']}"
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.new(SECRET.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = (
        f"ACS3-HMAC-SHA256 Credential={KEY_ID},SignedHeaders={names},Signature={signature}"
    )
    try:
        with urllib.request.urlopen(urllib.request.Request(URL, body, headers)) as answer:
            members: dict[str, Any] = json.load(answer)
            return members
    except urllib.error.HTTPError as error:
        refusal = json.load(error)
        sys.exit(f"{refusal['Code']}: {refusal['Message']}")


def main(collection: str, path: str) -> None:
    """Adds the picture under its file name, finds it again, and says what is most like it."""
    content = base64.b64encode(Path(path).read_bytes()).decode()
    added = call(
        "AddImage",
        InstanceName=collection,
        ProductId="example",
        PicName=Path(path).name,
        PicContent=content,
        StrAttr="example",
    )
    print("added; the subject was seen at", added["PicInfo"]["Region"])
    found = call("SearchImageByPic", InstanceName=collection, PicContent=content, Num=5)
    for hit in found["Auctions"]:
        print(
            f"{hit['Score']:.3f}  {hit['SortExprValues']:>24}  {hit['ProductId']} {hit['PicName']}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
