"""What the shipped models say of the drawn pictures, written down.

    python -m tests.vision.golden

Run it whenever models/ or the way to the network's input changes (then PREPROCESSING of
vision/shipped.py rises too), and look at what it prints: how far the new answers are from the old
ones, and how far two ways of computing them are apart, which is where the tolerance of
test_golden.py comes from.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from chalicelib.service import Service
from chalicelib.vision.analysis import Request
from chalicelib.vision.analyze import Analyzer
from chalicelib.vision.network import Network
from tests.vision import drawn

PATH = Path(__file__).with_name("golden.npz")

Vectors = dict[str, npt.NDArray[np.float32]]


def answers(analyzer: Analyzer) -> Vectors:
    """Features of all pictures by service, float32 [28, dimension]; regions [28, 4] by service;
    likeliest category [28].
    """
    out: Vectors = {}
    pictures = [drawn.png(image) for image in drawn.pictures().values()]
    for service in Service:
        analysed = [analyzer.analyze(data, Request(service)) for data in pictures]
        name = service.name.lower()
        out[f"{name}.features"] = np.stack([answer.feature for answer in analysed])
        out[f"{name}.regions"] = np.array([answer.region for answer in analysed], np.float32)
        if service.has_categories:
            out["categories"] = np.array(
                [answer.categories[0][0] for answer in analysed], np.float32
            )
    return out


def without_integer_kernels() -> Analyzer:
    """The same models computed in float, as the graph is written: no VNNI, no other integer
    instruction.
    """
    return Analyzer(threads=1, network=Network.shipped(threads=1, fused=False))


def similarities(one: Vectors, other: Vectors, service: Service) -> npt.NDArray[np.float32]:
    """Cosine of each picture's two features, [28]."""
    name = f"{service.name.lower()}.features"
    cosines: npt.NDArray[np.float32] = np.vecdot(
        one[name].astype(np.float32), other[name].astype(np.float32)
    )
    return cosines


def _main() -> None:
    new = answers(Analyzer(threads=1))
    slow = answers(without_integer_kernels())
    with np.load(PATH) if PATH.exists() else np.load(_save(new)) as old:
        for service in Service:
            name = f"{service.name.lower()}.regions"
            same = (new[name] == slow[name]).all(axis=1)
            apart, moved = similarities(new, slow, service), similarities(new, dict(old), service)
            print(
                f"{service.name.lower():9s} with and without integer kernels: {same.sum()} of "
                f"{len(same)} boxes the same, features of",
                end=" ",
            )
            print(
                f"these at least {apart[same].min():.4f}, of all {apart.min():.4f}; new and old: "
                f"at least {moved.min():.4f}"
            )
    print(_save(new), PATH.stat().st_size, "bytes")


def _save(vectors: Vectors) -> Path:
    np.savez_compressed(
        PATH,
        **{  # type: ignore[arg-type]
            name: values.astype(np.float16 if "features" in name else np.int32)
            for name, values in vectors.items()
        },
    )
    return PATH


if __name__ == "__main__":
    _main()
