"""`lookalike import`, `rebuild`, `export` and `bind`: whole catalogues at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chalicelib.contract.messages import StartImport
from chalicelib.errors import InvalidField, MissingField
from chalicelib.storage.source import Location
from cli.local import chosen_collection, open_deployment
from cli.options import CollectionName
from cli.output import AsJson, emit, err, out, visible
from cli.proposing import made_up
from cli.watching import Ended, watch

if TYPE_CHECKING:
    from chalicelib.jobs.records import Job
    from chalicelib.storage.folder_queue import FolderQueue
    from chalicelib.usecases.deployment import Deployment

IMPORT_EXAMPLE = (
    "Example: lookalike import ./photos -c shop\n\nExample: lookalike import "
    "s3://my-bucket/catalogue -c shop"
)
REBUILD_EXAMPLE = "Example: lookalike rebuild s3://my-bucket/catalogue -c shop"
EXPORT_EXAMPLE = "Example: lookalike export -c shop -o increment.meta"

ImportSource = Annotated[
    str,
    typer.Argument(
        help="A folder of this machine, or s3://bucket/path, with the pictures and increment.meta.",
        show_default=False,
    ),
]
Yes = Annotated[
    bool,
    typer.Option(
        "--yes", "-y", help="Do not ask before a folder without increment.meta is imported."
    ),
]
WorkerCount = Annotated[
    int,
    typer.Option(
        "--workers", help="Worker processes; 0: as LOOKALIKE_IMPORT_WORKERS says.", min=0, max=64
    ),
]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    from cli import binding

    app.command("import", epilog=IMPORT_EXAMPLE)(import_)
    app.command("rebuild", epilog=REBUILD_EXAMPLE)(rebuild)
    app.command("export", epilog=EXPORT_EXAMPLE)(export)
    app.command("bind", epilog=binding.EXAMPLE)(binding.bind)
    app.command("unbind", epilog=binding.UNBIND_EXAMPLE)(binding.unbind)
    app.command("bindings", epilog=binding.BINDINGS_EXAMPLE)(binding.bindings)


def import_(
    source: ImportSource = "",
    collection: CollectionName = None,
    yes: Yes = False,
    workers: WorkerCount = 0,
    cancel: Annotated[
        bool,
        typer.Option(
            "--cancel", help="End the collection's unfinished import where it is; import nothing."
        ),
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Import every picture that increment.meta lists. Ctrl-C stops cleanly; the same command goes
    on where it was.

    A folder without increment.meta is imported too, after showing what would be: the product is the
    sub-folder, or the file's name.
    """
    deployment = open_deployment()
    name = chosen_collection(collection, deployment)
    if cancel:
        return _cancel(name, deployment, as_json=as_json)
    if not source:
        raise MissingField("source", "say what to import: a folder, or s3://bucket/path")

    def start(location: Location, meta: bytes | None, ours: Deployment) -> Job:
        from chalicelib.jobs.imports import start_folder_import, start_import

        if location.kind == "bucket":
            return start_import(StartImport(name, location.bucket, location.path), ours)
        return start_folder_import(name, location, ours, meta=meta)

    return _carried_out(
        "import", name, source, deployment, start, yes=yes, workers=workers, as_json=as_json
    )


def rebuild(
    source: ImportSource,
    collection: CollectionName = None,
    yes: Yes = False,
    workers: WorkerCount = 0,
    accept_failures: Annotated[
        bool,
        typer.Option(
            "--accept-failures",
            help="Take the new records although some lines failed; their pictures are then gone.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Import everything again by the models of this deployment, beside the old records, and switch
    to the new ones at once.

    Searches see the old records until then. Whatever the folder does not list is not in the
    collection afterwards.
    """
    from chalicelib.jobs.rebuild import start_rebuild

    deployment = open_deployment()
    name = chosen_collection(collection, deployment)

    def start(location: Location, meta: bytes | None, ours: Deployment) -> Job:
        return start_rebuild(name, location, ours, meta=meta, accept_failures=accept_failures)

    return _carried_out(
        "rebuild", name, source, deployment, start, yes=yes, workers=workers, as_json=as_json
    )


def export(
    collection: CollectionName = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File; standard output where not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write every record as a line of increment.meta, which can be imported again beside the same
    pictures. Pictures are no part of it.

    With --json a file must be named: what is printed is then how many records went into it.
    """
    from chalicelib.jobs.export_file import lines_of

    if as_json and output is None:
        raise MissingField(
            "output",
            "the exported lines and --json cannot both go to standard output; add --output FILE",
        )
    deployment = open_deployment()
    found = deployment.catalog.open(chosen_collection(collection, deployment))
    data = lines_of(found.snapshot(), with_category=found.info.service.has_categories)
    if output is None:
        sys.stdout.buffer.write(data)
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise InvalidField("output", f"{output} cannot be written: {error.strerror}") from error
    records = data.count(b"\n")
    if as_json:
        emit({"written": str(output), "records": records})
    else:
        err.print(f"{records} records in {visible(str(output))}")


def _carried_out(
    kind: str,
    name: str,
    source: str,
    deployment: Deployment,
    start: Callable[[Location, bytes | None, Deployment], Job],
    *,
    yes: bool,
    workers: int,
    as_json: bool,
) -> int:
    """Goes on with the unfinished job of the same command, or does what `start` begins; the exit
    code.
    """
    location = _located(source, name, deployment)
    job = _unfinished(name, location, kind, deployment)
    meta = None if job else made_up(location, source, yes=yes, quiet=as_json)
    with _working(location, deployment, workers) as (ours, queue):
        if job:
            _take_up(job, ours, queue, quiet=as_json)
        return _watched(
            job or start(location, meta, ours),
            ours,
            source,
            here=queue is not None,
            as_json=as_json,
        )


def _located(source: str, name: str, deployment: Deployment) -> Location:
    """The folder or bucket that `source` names. Raises InvalidField, Forbidden for a folder that is
    bound to another collection than `name`.
    """
    if source.startswith("s3://"):
        from chalicelib.jobs.tenancy import reachable

        bucket, _, path = source.removeprefix("s3://").partition("/")
        wanted = StartImport("x", bucket, "/" + path.strip("/"))
        return reachable(wanted.bucket, wanted.path, name, deployment.store, unbound=True)
    folder = Path(source).expanduser().resolve()
    if not folder.is_dir():
        raise InvalidField(
            "source", f"there is no folder {source}; a bucket is written s3://bucket/path"
        )
    return Location("folder", "", str(folder))


@contextmanager
def _working(
    location: Location, deployment: Deployment, count: int
) -> Iterator[tuple[Deployment, FolderQueue | None]]:
    """The deployment, with workers of this machine where the work is for them: folders always,
    buckets where no SQS queue is set.
    """
    from chalicelib.wiring import local_queue
    from cli.workers import ImportWorkers

    if location.kind == "bucket" and deployment.settings.queue:
        yield deployment, None
        return
    queue = local_queue(deployment.settings)
    with ImportWorkers(deployment.settings, count=count or None):
        yield replace(deployment, queue=queue), queue


def _unfinished(name: str, location: Location, kind: str, deployment: Deployment) -> Job | None:
    """The unfinished job of the same command."""
    from chalicelib.jobs import records as jobs
    from chalicelib.jobs.imports import GROUP

    job = jobs.running(name, GROUP, deployment.store)
    return job if job and job.kind == kind and job.location == location else None


def _take_up(job: Job, deployment: Deployment, queue: FolderQueue | None, *, quiet: bool) -> None:
    from chalicelib.jobs.recover import hand_out

    if not quiet:
        err.print(f"Going on with job {job.id}.")
    if queue is not None and not queue.pending():
        hand_out(job, deployment)


def _watched(job: Job, deployment: Deployment, source: str, *, here: bool, as_json: bool) -> int:
    """Shows `job` until it ends; the exit code. `here`: its workers are of this process and end
    with it.
    """
    try:
        ended: Ended = watch(job, deployment, quiet=as_json, label=visible(source))
    except KeyboardInterrupt:
        if here:
            err.print(
                "Stopping after the pictures in hand. The same command goes on where it was; "
                "`lookalike import --cancel` ends it."
            )
        else:
            err.print(
                "The deployment goes on with it. The same command watches it again; "
                "`lookalike import --cancel` ends it."
            )
        return 130
    if as_json:
        emit(ended.value())
    else:
        ended.show()
    return ended.code


def _cancel(name: str, deployment: Deployment, *, as_json: bool) -> int:
    """Ends the unfinished import of collection `name`; the exit code. Raises Conflict."""
    from chalicelib.gateway.import_events import wording
    from chalicelib.jobs.cancel import cancel_import

    job = cancel_import(name, deployment, wording(deployment))
    if as_json:
        emit({"cancelled": job.id})
    else:
        out.print(f"Job {job.id} is cancelled; what it had done stays.")
    return 0
