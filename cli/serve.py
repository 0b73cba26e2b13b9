"""`lookalike serve` and `lookalike demo`."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chalicelib.errors import Conflict, InvalidField, StoreUnavailable
from cli.local import open_deployment
from cli.output import JSON, AsJson, emit, err, note, out, progress, row, show_under, table
from demo.samples import samples_folder, template

if TYPE_CHECKING:
    from chalicelib.usecases.deployment import Deployment
    from cli.server import Server
    from demo.pictures import Planned
    from demo.prepare import Prepared

EXAMPLE = "Example: lookalike serve --port 8000 --demo"
DEMO_EXAMPLE = "Example: lookalike demo --pictures ~/photos"
_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))
KEY_NAME = "this machine"
"""Name of the key that serve makes and prints."""

Port = Annotated[
    int,
    typer.Option("--port", envvar="PORT", min=0, max=65535, help="Port; 0 takes a free one."),
]
Pictures = Annotated[
    Path | None,
    typer.Option(
        "--pictures",
        envvar="PICTURES",
        help="A folder of pictures for the demo, instead of its own.",
        show_default=False,
    ),
]


def serve(
    port: Port = 8000,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Address to listen on. Others than this machine need https in front."
        ),
    ] = "127.0.0.1",
    demo: Annotated[
        bool,
        typer.Option(
            "--demo",
            help="Fill a demo collection on the first start, and print a key and a command to try.",
        ),
    ] = False,
    pictures: Pictures = None,
    as_json: AsJson = False,
) -> None:
    """Serve on this machine, from a folder that survives restarts and kill -9. Ends with Ctrl-C,
    finishing what is under way.
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    deployment = open_deployment()
    if demo and samples_folder(deployment.settings) is None:
        raise InvalidField(
            "settings",
            "the demo keeps its pictures beside a store that is a folder; unset LOOKALIKE_STORE",
        )
    with running(host, port, deployment) as server:
        url = f"http://{at(host, server.port)}/"
        if not as_json:
            out.print(f"Lookalike on {url}")
        elif not demo:
            emit({"url": url, "console": f"{url}console/"})
        sys.stdout.flush()
        if demo:
            _filled(deployment, pictures, ended)
            if not ended.is_set():
                _welcome(deployment, url, _command(deployment, pictures), as_json=as_json)
        warming = threading.Thread(target=deployment.analyzer, name="warm", daemon=True)
        warming.start()
        ended.wait()
        err.print("Finishing what is under way …")
    warming.join()  # a process that ends while a native library is loaded is aborted


def demo(pictures: Pictures = None, as_json: AsJson = False) -> None:
    """Start, fill the demo collection, search over HTTP with a picture that is not in it, print
    what was found, and end.
    """
    deployment = open_deployment()
    with running("127.0.0.1", 0, deployment) as server:
        prepared = _filled(deployment, pictures, threading.Event())
        found = _search(deployment, server, _query(pictures))
    if as_json:
        emit({"added": prepared.added, "pictures": prepared.total, **found.value()})
    else:
        found.show(prepared)


@contextmanager
def running(host: str, port: int, deployment: Deployment) -> Iterator[Server]:
    """A started server; stopped, with the requests under way finished, at the end.

    Raises Conflict where the port is taken, StoreUnfit.
    """
    from cli.housekeeping import Housekeeping
    from cli.server import Server

    _check_store(deployment)
    try:
        # samples need no key, so nobody beyond this machine is shown them
        server = Server(
            host, port, samples=samples_folder(deployment.settings) if host in _LOOPBACK else None
        )
    except OSError as error:
        raise Conflict(
            f"cannot listen on {at(host, port)} ({error.strerror}):"
            " choose another with --port or PORT=…"
        ) from error
    server.start()
    with Housekeeping(deployment):
        try:
            yield server
        finally:
            if not server.stop():
                note("cut off:", "some requests were not finished; what was acknowledged is safe")


def _check_store(deployment: Deployment) -> None:
    """Probes the store. Raises StoreUnfit: one that ignores conditions would lose records. A folder
    that only cannot be written is said to be so, and what it holds is served.
    """
    from chalicelib.storage.probe import probe

    place = deployment.settings.store
    try:
        probe(deployment.store, place, new_id=deployment.new_id)
    except StoreUnavailable as error:
        if place.startswith("s3://") or not Path(place).is_dir():
            raise
        note("read only:", f"{place} cannot be written, so nothing can be added: {error}")


def at(host: str, port: int) -> str:
    """Host and port as they stand in a URL: `[::1]:8000`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def machine_key(deployment: Deployment) -> tuple[str, str]:
    """Id and secret of the key made for this machine; made at the first call. Raises InvalidField
    where secrets are not local.
    """
    from chalicelib.usecases.keys import create_key, list_keys

    if deployment.settings.secrets.startswith("secretsmanager:"):
        raise InvalidField(
            "settings",
            "the demo's key is for a local key file; make one with: lookalike keys create",
        )
    for key in list_keys(deployment):
        if key.name == KEY_NAME and key.owner:
            return key.key_id, key.secrets[0]
    made = create_key(deployment, name=KEY_NAME)
    return made.key_id, made.secret


def _filled(deployment: Deployment, pictures: Path | None, ended: threading.Event) -> Prepared:
    """The demo collection with all its pictures, shown as they come in."""
    from demo.prepare import COLLECTION, prepare

    planned = _planned(pictures)
    if pictures is not None:
        _say_beside(deployment, planned, pictures)
    with progress("Adding the demo's pictures", 1) as bar:

        def step(done: int, total: int) -> None:
            bar.update(bar.task_ids[0], completed=done, total=total)
            if ended.is_set():
                raise typer.Exit(0)

        samples = samples_folder(deployment.settings)
        prepared = prepare(
            deployment,
            planned,
            folder=pictures,
            samples=samples,
            template=template(COLLECTION),
            step=step,
        )
    for name, reason in prepared.refused:
        note("left out", f"{name}: {reason}")
    return prepared


def _say_beside(deployment: Deployment, planned: list[Planned], pictures: Path) -> None:
    """Says what becomes of pictures that the demo holds from other starts: they stay."""
    from demo.prepare import COLLECTION

    if COLLECTION not in deployment.catalog.names():
        return
    held = deployment.catalog.open(COLLECTION).snapshot()
    there = sum(held.find(one.key) is not None for one in planned)
    others = len(held) - there
    if others:
        note(
            "note:",
            f"the demo collection holds {others:,} other pictures, which stay;"
            f" {len(planned) - there:,} of {pictures} are added beside them."
            f" For these alone: lookalike collections drop {COLLECTION}, then start again.",
        )


def _planned(pictures: Path | None) -> list[Planned]:
    """The demo's pictures: its own, or those below the folder `pictures`. Raises NotFound."""
    from cli.folders import propose
    from demo.pictures import plan, plan_of_folder

    return plan() if pictures is None else plan_of_folder(pictures, propose(pictures).pictures)


def _welcome(deployment: Deployment, url: str, command: str, *, as_json: bool) -> None:
    """Says where the console is, with which key, and what to try."""
    key_id, secret = machine_key(deployment)
    if as_json:
        emit(
            {
                "url": url,
                "console": f"{url}console/",
                "access_key_id": key_id,
                "access_key_secret": secret,
                "try": command,
            }
        )
    else:
        made = table("", "")
        row(made, "Console", f"{url}console/")
        row(made, "Access key", key_id)
        row(made, "Secret", secret)
        out.print(made)
        out.print("\nTry, in this folder and another terminal:")
        out.print(f"  {command}", soft_wrap=True)
    sys.stdout.flush()


def _command(deployment: Deployment, pictures: Path | None) -> str:
    """A complete command that finds something, from where the reader is."""
    executable = Path(sys.argv[0]).resolve()
    shown = (
        Path(".venv/bin/lookalike")
        if executable == Path(".venv/bin/lookalike").resolve()
        else executable
    )
    words = (str(shown), "search", str(_query_file(deployment, pictures)), "--collection", "demo")
    return shlex.join(words)


def _query(pictures: Path | None) -> tuple[str, bytes]:
    """Name and bytes of a picture to search with: one that is not in the collection, or the first
    of the reader's own folder.
    """
    from demo.pictures import query

    sample = query() if pictures is None else _planned(pictures)[0].load()
    return sample.key.pic_name, sample.data


def _query_file(deployment: Deployment, pictures: Path | None) -> Path:
    """The picture of `_query` as a file: the reader's own, or the demo's, which is put beside the
    samples.
    """
    name, data = _query(pictures)
    if pictures is not None:
        path = pictures.resolve() / name
    else:
        folder = samples_folder(deployment.settings)
        assert folder is not None  # noqa: S101  # serve has seen to it
        path = folder / "query" / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the demo's search found."""

    query: str
    ms: float
    rows: tuple[dict[str, JSON], ...]

    def value(self) -> dict[str, JSON]:
        """For --json."""
        return {"query": self.query, "ms": round(self.ms, 1), "results": list(self.rows)}

    def show(self, prepared: Prepared) -> None:
        """For people."""
        made = table("Rank#", "Product", "Picture", "Category", "Score#", "SortExprValues")
        for value in self.rows:
            row(made, *value.values())
        show_under(f"{self.query} among {prepared.total} pictures: {self.ms:.0f} ms", made)


def _search(deployment: Deployment, server: Server, query: tuple[str, bytes]) -> _Answer:
    """Searches over HTTP as any client would. The first search also loads what is loaded once, so
    the second is timed.
    """
    import base64

    from chalicelib.contract.categories import PRODUCT_CATEGORIES
    from demo.client import Client
    from demo.prepare import COLLECTION

    name, data = query
    client = Client(f"127.0.0.1:{server.port}", *machine_key(deployment))
    fields = {"InstanceName": COLLECTION, "PicContent": base64.b64encode(data).decode(), "Num": "5"}
    client.call("SearchImageByPic", **fields)
    began = time.perf_counter()
    answer = client.call("SearchImageByPic", **fields)
    ms = (time.perf_counter() - began) * 1000
    rows = tuple(
        {
            "rank": rank,
            "product": found["ProductId"],
            "picture": found["PicName"],
            "category": PRODUCT_CATEGORIES.get(found["CategoryId"], str(found["CategoryId"])),
            "score": f"{found['Score']:.4f}",
            "sort_expr_values": found["SortExprValues"],
        }
        for rank, found in enumerate(answer["Auctions"], 1)
    )
    return _Answer(name, ms, rows)
