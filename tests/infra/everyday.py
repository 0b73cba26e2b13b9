"""A day's work in one process and its workers, for test_silence.py: `python everyday.py FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path


def main(pictures: Path) -> None:
    """Makes a collection, adds, imports with worker processes, searches on the command line and
    over HTTP, and builds a graph.
    """
    import base64

    import numpy as np

    from chalicelib.index.format.table import Shape
    from chalicelib.index.read.graph import encode_graph
    from cli.local import open_deployment
    from cli.main import execute
    from cli.serve import machine_key, running
    from demo.client import Client

    first = str(min(pictures.iterdir()))
    for words in (
        ["collections", "create", "shop", "--type", "generic"],
        ["add", first],
        ["import", str(pictures), "--yes", "--workers", "1"],
        ["search", first],
        ["compact", "--everything"],
        ["scrub"],
    ):
        code = execute([*words, "--json"])
        if code:
            raise SystemExit(f"{words} ended with {code}")
    deployment = open_deployment()
    with running("127.0.0.1", 0, deployment) as server:
        client = Client(f"127.0.0.1:{server.port}", *machine_key(deployment))
        content = base64.b64encode(Path(first).read_bytes()).decode()
        client.call("SearchImageByPic", InstanceName="shop", PicContent=content)
    encode_graph(np.ones((1, 4), np.uint64), Shape(8, 64), "graph")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
