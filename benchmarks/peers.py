"""The same work by other embedded vector stores: insert, size on disk, cold start, warm search,
filtered recall. Prints one table.

    python -m benchmarks.peers 20000 --environments ~/peers

Each peer runs in an environment of its own, made in that folder with `python -m venv` and the
pinned packages below; one that does not install is left out and said so. All get the same unit
vectors (512 float32, clustered as in benchmarks/index.py), an id and one number to filter by, and
answer the 10 nearest by cosine. Times are CPU of the process and its children, on one core
(taskset), since all of them would use more; "cold" includes a peer's imports.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.peer_stores import BATCH, COUNT, ENGINES

PACKAGES = {
    "lookalike": (),
    "lookalike with graphs": (),
    "faiss flat": ("faiss-cpu==1.15.1", "numpy==2.4.6"),
    "faiss hnsw": ("faiss-cpu==1.15.1", "numpy==2.4.6"),
    "chroma": ("chromadb==1.5.9",),
    "qdrant local": ("qdrant-client==1.20.0",),
    "lancedb": ("lancedb==0.40.0",),
    "milvus lite": ("pymilvus==3.0.2", "milvus-lite==3.2.2"),
}
FOLDERS = {name: name.split(" ")[0] for name in PACKAGES}
QUERIES = 50
LIMIT_S = 900


def step(name: str, what: str, folder: Path) -> dict[str, float]:
    """One process's share: "insert", or "search" from cold."""
    loaded = np.load(folder / "data.npz")
    vectors, numbers, queries = loaded["vectors"], loaded["numbers"], loaded["queries"]
    begun = _cpu()
    engine = ENGINES[name](folder)
    if what == "insert":
        engine.insert(vectors, numbers)
        return {"insert s": _cpu() - begun}
    engine.open()
    engine.search(queries[0], None)
    cold = _cpu() - begun
    for query in queries:
        engine.search(query, None)
    times, shared, filtered_shared, filtered_times = [], 0, 0, []
    allowed = np.flatnonzero(numbers < 10)
    for query in queries:
        start = _cpu()
        found = engine.search(query, None)
        times.append(_cpu() - start)
        shared += len(set(found) & set(np.argsort(-(vectors @ query))[:COUNT].tolist()))
        start = _cpu()
        found = engine.search(query, 10)
        filtered_times.append(_cpu() - start)
        filtered_shared += len(
            set(found) & set(allowed[np.argsort(-(vectors[allowed] @ query))[:COUNT]].tolist())
        )
    return {
        "cold ms": cold * 1e3,
        "warm ms": float(np.median(times)) * 1e3,
        "recall": shared / COUNT / len(queries),
        "filtered ms": float(np.median(filtered_times)) * 1e3,
        "filtered recall": filtered_shared / COUNT / len(queries),
    }


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measure(name: str, rows: int, python: Path) -> dict[str, float]:
    """All numbers of one peer. Raises subprocess.SubprocessError."""
    from benchmarks.index_data import Data

    data = Data(rows)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        vectors = np.concatenate(
            [data.floats(start, min(BATCH, rows - start)) for start in range(0, rows, BATCH)]
        )
        np.savez(
            folder / "data.npz",
            vectors=vectors,
            numbers=np.arange(rows) % 1000,
            queries=data.floats(-1, QUERIES),
        )
        found: dict[str, float] = {}
        for what in ("insert", "search"):
            command = [
                "taskset",
                "-c",
                "0",
                str(python),
                "-m",
                "benchmarks.peers",
                "--step",
                name,
                what,
                str(folder),
            ]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=LIMIT_S, check=True
            )
            found |= json.loads(done.stdout.splitlines()[-1])
            if what == "insert":
                sizes = [
                    path.stat().st_size
                    for path in folder.rglob("*")
                    if path.is_file() and path.name != "data.npz"
                ]
                found["disk MB"] = sum(sizes) / 1e6
        found["rows per s"] = rows / found["insert s"]
        return found


def environment(name: str, folder: Path) -> Path:
    """The interpreter of a peer's environment, made if it is not there. Raises
    subprocess.SubprocessError.
    """
    if not PACKAGES[name]:
        return Path(sys.executable)
    home = folder / FOLDERS[name]
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", *PACKAGES[name]],
            check=True,
            capture_output=True,
        )
    return python


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=int, nargs="?", default=20_000)
    parser.add_argument("--environments", type=Path, default=Path("peers"))
    parser.add_argument("--only", nargs="*", default=list(PACKAGES))
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        name, what, folder = options.step
        print(json.dumps(step(name, what, Path(folder))))
        return
    if shutil.which("taskset") is None:
        raise SystemExit("taskset is needed to keep all on one core")
    columns = [
        "rows per s",
        "disk MB",
        "cold ms",
        "warm ms",
        "recall",
        "filtered ms",
        "filtered recall",
    ]
    print(
        f"{options.rows} vectors\n| | " + " | ".join(columns) + " |\n|---|" + "---:|" * len(columns)
    )
    for name in options.only:
        try:
            found = measure(name, options.rows, environment(name, options.environments))
        except subprocess.SubprocessError as error:
            said = str(getattr(error, "stderr", None) or error).strip().splitlines()[-1]
            print(f"| {name} | did not run: {said[:120]} |")
            continue
        print(
            f"| {name} | " + " | ".join(f"{found[column]:,.3g}" for column in columns) + " |",
            flush=True,
        )


if __name__ == "__main__":
    main()
