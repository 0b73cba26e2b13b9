"""What an action is: one declaration from which follow its routing, the reading and checking of its
parameters, its answer, its place in /openapi.json and its table in docs/API.md.

Named tuples, not dataclasses: a class of those costs a cold start a millisecond more
(docs/adr/0051).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from chalicelib.gateway.wire.faults import PLAIN, Codes
from chalicelib.gateway.wire.fields import Fields, Parameter
from chalicelib.gateway.wire.incoming import Incoming
from chalicelib.gateway.wire.schema import Schema

if TYPE_CHECKING:
    from chalicelib.usecases.deployment import Deployment
    from chalicelib.usecases.keys import AccessKey

V2020: Final = "2020-12-14"
V2019: Final = "2019-03-25"
V2018: Final = "2018-01-20"
UPLOADS: Final = "2019-12-19"
"""Version of the upload helper's one action."""
CONSOLE: Final = "console"
"""Version of the console's own actions."""

Json = dict[str, object]
Values = Mapping[str, str]
"""Parameter to text: query and body, merged."""
Hosts = tuple[str, ...]
"""Names under which this service is called."""


class Call(NamedTuple):
    """One request, with what an action may need of it beyond its parameters."""

    deployment: Deployment
    key: AccessKey
    """Who calls."""
    host: str
    """The host, with port, that clients use."""
    secure: bool
    """Whether they come over TLS."""

    @property
    def base(self) -> str:
        """scheme://host, in front of a link of our own."""
        return f"{'https' if self.secure else 'http'}://{self.host}"


def form(action: Action, _: Incoming, values: Values, hosts: Hosts) -> Fields:
    """The parameters as 2020-12-14 sends them: in query, form or JSON object."""
    return Fields(values, action.parameters, hosts=hosts)


def itself(value: Any) -> Any:
    """For an action that needs no message of its own, or whose use case says what is answered."""
    return value


class Action(NamedTuple):
    """One action of one version. `Any` is its message's class, and its result's: the four
    functions belong together.
    """

    name: str
    summary: str
    """One line, for /openapi.json."""
    access: Literal["read", "write", "owner"]
    """What the key must allow in the collection; owner: write, in every collection."""
    parameters: tuple[Parameter, ...]
    read: Callable[[Any], Any]
    """From the Fields to the message, which checks every limit. Raises InvalidRequest."""
    run: Callable[[Any, Call], Any]
    """The use case. Imports it itself, so that a cold start loads what it needs and no more."""
    answer: Callable[[Any], Json]
    """From the use case's result to the members of the answer, without RequestId."""
    schema: Schema
    """JSON Schema of the answer."""
    codes: Codes = PLAIN
    """How its errors are called."""
    version: str = V2020
    path: str = "/"
    """/: the request names the action; else the path does."""
    counted: bool = True
    """Against the collection's requests per second."""
    raw_body: bool = False
    """The path says how the body is read, whatever its Content-Type."""
    fields: Callable[[Action, Incoming, Values, Hosts], Fields] = form
    """How the request holds the parameters."""
