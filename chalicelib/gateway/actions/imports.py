"""Imports: started and listed (CONTRACT §7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from chalicelib.contract import messages as m
from chalicelib.gateway.actions.declaration import Action, Call, Json
from chalicelib.gateway.actions.parameters import INSTANCE, JOB, PAGES, jobs_page
from chalicelib.gateway.wire import members, schema
from chalicelib.gateway.wire.faults import CONSOLE
from chalicelib.gateway.wire.fields import Fields, Parameter
from chalicelib.gateway.wire.members import AnyJob

if TYPE_CHECKING:
    from chalicelib.jobs.listing import JobPage


class ImportJob(AnyJob, Protocol):
    """An import job."""

    @property
    def bucket(self) -> str: ...  # noqa: D102
    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def callback(self) -> str | None: ...  # noqa: D102
    @property
    def error_url(self) -> str | None: ...  # noqa: D102


def import_row(job: ImportJob, *, base: str = "") -> Json:
    """One job of IncreaseList, and what a callback is sent."""
    extra = {"CallbackAddress": job.callback, "ErrorUrl": members.link(job.error_url, base)}
    return {
        **members.task(job),
        "BucketName": job.bucket,
        "Path": job.path,
        **members.present(dict(extra)),
    }


def _order(fields: Fields) -> m.StartImport:
    return m.StartImport(
        fields.text("InstanceName"),
        fields.text("BucketName"),
        fields.text("Path"),
        fields.optional("CallbackAddress"),
    )


def _start(message: m.StartImport, call: Call) -> AnyJob:
    from chalicelib.jobs import imports

    # a key for some collections reads only what is bound to them
    return imports.start_import(message, call.deployment, unbound=not call.key.collections)


def _started(job: AnyJob) -> Json:
    return {"Success": True, "Data": {"Id": str(job.id), "IncrementStatus": job.status}}


START: Final = Action(
    "IncreaseInstance",
    "Start importing the pictures that increment.meta in a bucket lists.",
    access="write",
    parameters=(
        INSTANCE,
        Parameter(
            "BucketName", "bucket", required=True, note="a bucket in this deployment's region"
        ),
        Parameter(
            "Path",
            "path",
            required=True,
            note="folder that holds increment.meta: begins with /, does not end with it",
        ),
        Parameter("CallbackAddress", "callback", note="http(s) URL told of the end"),
    ),
    read=_order,
    run=_start,
    answer=_started,
    schema=schema.answer(
        None,
        {
            **schema.TRUE,
            "Data": schema.record({"Id": schema.MS_TEXT, "IncrementStatus": schema.STATUS}),
        },
    ),
    codes=CONSOLE,
)


def _wanted(fields: Fields) -> m.ListImports:
    return m.ListImports(
        collection=fields.text("InstanceName"),
        job_id=fields.integer("Id"),
        bucket=fields.optional("BucketName"),
        path=fields.optional("Path"),
        page=jobs_page(fields),
    )


def _list(message: m.ListImports, call: Call) -> tuple[JobPage, str]:
    from chalicelib.jobs import imports

    return imports.list_imports(message, call.deployment), call.base


def _listed(answer: tuple[JobPage, str]) -> Json:
    page, base = answer
    return {
        "Data": {
            "PageNumber": page.number,
            "PageSize": page.size,
            "TotalCount": page.total,
            "Increments": {"Instance": [import_row(job, base=base) for job in page.jobs]},
        }
    }


LIST: Final = Action(
    "IncreaseList",
    "Import jobs, newest first.",
    access="read",
    parameters=(
        INSTANCE,
        JOB,
        Parameter("BucketName", "bucket"),
        Parameter("Path", "path"),
        *PAGES,
    ),
    read=_wanted,
    run=_list,
    answer=_listed,
    schema=schema.answer(
        None,
        {
            "Data": schema.record(
                {
                    **schema.PAGE,
                    "Increments": schema.record(
                        {
                            "Instance": schema.array(
                                schema.record(
                                    {
                                        **schema.TASK,
                                        "BucketName": schema.TEXT,
                                        "Path": schema.TEXT,
                                    },
                                    {"CallbackAddress": schema.TEXT, "ErrorUrl": schema.TEXT},
                                )
                            )
                        }
                    ),
                }
            )
        },
    ),
    codes=CONSOLE,
)

ACTIONS: Final = (START, LIST)
