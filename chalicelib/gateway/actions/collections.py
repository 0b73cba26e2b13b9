"""Collections: what one is and how much it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chalicelib.contract import messages as m
from chalicelib.errors import Throttled
from chalicelib.gateway.actions.declaration import Action, Call, Json
from chalicelib.gateway.actions.parameters import INSTANCE
from chalicelib.gateway.wire import schema
from chalicelib.gateway.wire.faults import CONSOLE, Codes, Fault
from chalicelib.gateway.wire.fields import Fields
from chalicelib.gateway.wire.members import ms_text
from chalicelib.usecases import manage

if TYPE_CHECKING:
    from chalicelib.usecases.manage import Described

NEVER_MS: Final = "253402300799000"
"""End of the year 9999: a collection does not expire."""
CAPACITY_UNIT: Final = 10_000


def _describe(fields: Fields) -> m.Describe:
    return m.Describe(fields.text("InstanceName"))


def _detail(message: m.Describe, call: Call) -> tuple[Described, str]:
    return manage.describe(message, call.deployment), call.deployment.settings.region


def _described(answer: tuple[Described, str]) -> Json:
    """Capacity is in units of 10,000 pictures, rounded up."""
    found, region = answer
    return {
        "Success": True,
        "Instance": {
            "Name": found.name,
            "Region": region,
            "ServiceType": int(found.service),
            "Capacity": -(-found.capacity // CAPACITY_UNIT),
            "Qps": found.requests_per_second,
            "TotalCount": found.count,
            "UtcCreate": ms_text(found.created),
            "UtcExpireTime": NEVER_MS,
        },
    }


DETAIL: Final = Action(
    "Detail",
    "Type, size and limits of a collection.",
    access="read",
    parameters=(INSTANCE,),
    read=_describe,
    run=_detail,
    answer=_described,
    schema=schema.answer(
        None,
        {
            **schema.TRUE,
            "Instance": schema.record(
                {
                    "Name": schema.TEXT,
                    "Region": schema.TEXT,
                    "ServiceType": schema.INT,
                    "Capacity": schema.INT,
                    "Qps": schema.INT,
                    "TotalCount": schema.INT,
                    "UtcCreate": schema.MS_TEXT,
                    "UtcExpireTime": schema.MS_TEXT,
                }
            ),
        },
    ),
    codes=Codes(CONSOLE.column, {Throttled: Fault("DeniedRequest", 400)}),
)

ACTIONS: Final = (DETAIL,)
