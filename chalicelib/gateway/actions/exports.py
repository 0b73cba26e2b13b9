"""Exports: started and listed (CONTRACT §7). An export hands out everything at once, so both take a
key that may write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from chalicelib.contract import messages as m
from chalicelib.errors import JobRunning
from chalicelib.gateway.actions.declaration import Action, Call, Json
from chalicelib.gateway.actions.parameters import INSTANCE, JOB, PAGES, jobs_page
from chalicelib.gateway.wire import members, schema
from chalicelib.gateway.wire.faults import CONSOLE, Codes, Fault
from chalicelib.gateway.wire.fields import Fields
from chalicelib.gateway.wire.members import AnyJob

if TYPE_CHECKING:
    from chalicelib.jobs.listing import JobPage


class ExportJob(AnyJob, Protocol):
    """An export job."""

    @property
    def meta_url(self) -> str | None: ...  # noqa: D102


def _row(job: ExportJob, base: str) -> Json:
    return {
        **members.task(job),
        **members.present({"MetaUrl": members.link(job.meta_url, base)}),
    }


def _order(fields: Fields) -> m.StartExport:
    return m.StartExport(fields.text("InstanceName"))


def _start(message: m.StartExport, call: Call) -> AnyJob:
    from chalicelib.jobs import exports

    return exports.start_export(message, call.deployment)


def _started(job: AnyJob) -> Json:
    return {"Success": True, "Data": {"Id": str(job.id), "DumpMetaStatus": job.status}}


START: Final = Action(
    "DumpMeta",
    "Start writing every record's attributes into a file.",
    access="write",
    parameters=(INSTANCE,),
    read=_order,
    run=_start,
    answer=_started,
    schema=schema.answer(
        None,
        {
            **schema.TRUE,
            "Data": schema.record({"Id": schema.MS_TEXT, "DumpMetaStatus": schema.STATUS}),
        },
    ),
    codes=Codes(CONSOLE.column, {JobRunning: Fault("Console.TaskAlreadyExist", 409)}),
)


def _wanted(fields: Fields) -> m.ListExports:
    return m.ListExports(fields.text("InstanceName"), fields.integer("Id"), jobs_page(fields))


def _list(message: m.ListExports, call: Call) -> tuple[JobPage, str]:
    from chalicelib.jobs import exports

    return exports.list_exports(message, call.deployment), call.base


def _listed(answer: tuple[JobPage, str]) -> Json:
    page, base = answer
    return {
        "Data": {
            "PageNumber": page.number,
            "PageSize": page.size,
            "TotalCount": page.total,
            "DumpMetaList": [_row(job, base) for job in page.jobs],
        }
    }


LIST: Final = Action(
    "DumpMetaList",
    "Export jobs, newest first.",
    access="write",
    parameters=(INSTANCE, JOB, *PAGES),
    read=_wanted,
    run=_list,
    answer=_listed,
    schema=schema.answer(
        None,
        {
            "Data": schema.record(
                {
                    **schema.PAGE,
                    "DumpMetaList": schema.array(
                        schema.record(schema.TASK, {"MetaUrl": schema.TEXT})
                    ),
                }
            )
        },
    ),
    codes=CONSOLE,
)

ACTIONS: Final = (START, LIST)
