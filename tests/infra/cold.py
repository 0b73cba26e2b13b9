"""Run in a fresh process: answers one request as the API's function does, then prints which
libraries and rooms of ours that took.

python cold.py STORE SECRETS EVENT.json
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

HEAVY = (
    "numpy",
    "onnxruntime",
    "PIL",
    "usearch",
    "botocore",
    "boto3",
    "urllib3",
    "chalice",
    "email.mime",
)


def loaded() -> list[str]:
    return [name for name in HEAVY if name in sys.modules]


def main() -> None:
    store, secrets, event = sys.argv[1:]
    os.environ |= {
        "LOOKALIKE_STORE": store,
        "LOOKALIKE_SECRETS": secrets,
        "LOOKALIKE_REGION": "local",
    }
    import app

    first = loaded()
    answer = app.app(json.loads(Path(event).read_text()), None)
    found = {
        "imported": first,
        "answered": loaded(),
        "ours": [
            name.removeprefix("chalicelib.")
            for name in sys.modules
            if name.startswith("chalicelib.")
        ],
        "status": answer["statusCode"],
        "body": answer["body"],
    }
    print(json.dumps(found))


main()
