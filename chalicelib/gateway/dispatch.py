"""The gateway: from a request as it arrived to an answer. The one place where errors are caught, and
where a request gets its log line.
"""

from __future__ import annotations

import json
import logging
import traceback
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from chalicelib.errors import Forbidden, InvalidField, Unsupported
from chalicelib.gateway import log
from chalicelib.gateway.limits import Limiter
from chalicelib.gateway.wire.codec import FORM, body_pairs
from chalicelib.gateway.wire.faults import WireFault, answer_fault, fault_of
from chalicelib.gateway.wire.incoming import Answer, Incoming, Pairs
from chalicelib.trace import note, stage

if TYPE_CHECKING:
    from chalicelib.gateway.console.actions import ConsoleAction
    from chalicelib.gateway.signatures.authenticate import Caller
    from chalicelib.gateway.wire.render import Json
    from chalicelib.usecases.deployment import Deployment

MAX_BODY: Final = 8 * 1024 * 1024
"""CONTRACT §1.4: a body is below 8 MB."""
CONSOLE: Final = "console"
"""Version of the console's own actions."""
_BODIES: Final = frozenset(
    {FORM, "application/json", "application/octet-stream", "multipart/form-data", ""}
)
_LOGGER: Final = logging.getLogger("lookalike.errors")


class Gateway:
    """One per process."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self._limiter = Limiter(deployment.settings.requests_per_second)
        self._public = tuple(
            name.strip() for name in deployment.settings.public_hosts.split(",") if name.strip()
        )

    def answer(self, incoming: Incoming) -> Answer:
        """Never raises."""
        request_id = str(uuid.UUID(self.deployment.new_id())).upper()
        upload = (
            incoming.method == "POST"
            and incoming.path == "/"
            and incoming.content_type == "multipart/form-data"
        )
        with log.line(request_id) as entry:
            try:
                answer = (
                    self._receive(incoming) if upload else self._serve(incoming, request_id, entry)
                )
            except Exception as error:  # noqa: BLE001  # this is where every error becomes an answer
                fault = fault_of(error, entry.action)
                if fault.status >= 500 and not isinstance(
                    error, Unsupported
                ):  # the contract has a 500 for what is not offered, too
                    # where it failed, but not the error's own text: that may quote an attribute or
                    # a secret
                    frames = "".join(traceback.format_tb(error.__traceback__))
                    _LOGGER.error(
                        "request %s failed: %s\n%s", request_id, type(error).__name__, frames
                    )
                entry.outcome(fault.status, fault.code)
                return self._refuse(error, entry.action, request_id, incoming.host, upload=upload)
            entry.outcome(answer.status, "ok")
            return answer

    def _refuse(
        self, error: Exception, action: str, request_id: str, host: str, *, upload: bool
    ) -> Answer:
        if not upload:
            return answer_fault(error, action=action, request_id=request_id, host=host)
        from chalicelib.gateway.uploads import receive as uploads

        return uploads.refused(error, request_id=request_id, host=host)

    def _receive(self, incoming: Incoming) -> Answer:
        from chalicelib.gateway.uploads import receive as uploads

        _check_size(incoming)
        with stage("upload"):
            return uploads.received(uploads.receive(incoming, self.deployment), incoming.host)

    def _serve(self, incoming: Incoming, request_id: str, entry: log.Line) -> Answer:
        _check_size(incoming)
        if incoming.body and incoming.content_type not in _BODIES:
            raise WireFault(
                "UnsupportedMediaType",
                f"bodies of type {incoming.content_type[:60]!r} are not read here",
                status=415,
            )
        form = body_pairs(incoming)
        with stage("authenticate"):
            caller, version, action = self._authenticate(incoming, form)
        note("access_key_id", caller.key.key_id)
        entry.version, entry.action = version, action
        members = self._perform(incoming, form, caller, version, action)
        body = json.dumps({"RequestId": request_id, **members}, ensure_ascii=False).encode()
        return Answer(200, body)

    def _authenticate(self, incoming: Incoming, form: Pairs) -> tuple[Caller, str, str]:
        """The caller, and the version and action of a table. Raises Unauthenticated, WireFault."""
        from chalicelib.gateway.signatures.authenticate import authenticate
        from chalicelib.gateway.uploads.urls import ACTION, VERSION
        from chalicelib.gateway.wire.actions import ACTIONS, PATHS, V2020

        caller = authenticate(incoming, form, hosts=self._public, deployment=self.deployment)
        if incoming.path in PATHS:
            version, action = PATHS[incoming.path]
            if caller.action not in {"", action} or caller.version not in {"", version}:
                raise WireFault(
                    "InvalidAction.NotFound",
                    f"{incoming.path} is {action} of {version}, but the request says otherwise",
                    status=404,
                )
            return caller, version, action
        if incoming.path != "/":
            raise WireFault(
                "InvalidAction.NotFound", f"there is nothing at {incoming.path[:80]}", status=404
            )
        version = caller.version or (V2020 if caller.scheme == "Bearer" else "")
        if (version, caller.action) in ACTIONS and version == V2020:
            return caller, version, caller.action
        if (version, caller.action) == (VERSION, ACTION) or (
            version == CONSOLE and caller.action in _console_actions()
        ):
            return caller, version, caller.action
        if version not in {V2020, VERSION, CONSOLE}:
            raise WireFault(
                "InvalidVersion", f"version {version[:40]!r} is not spoken at /; {V2020} is"
            )
        raise WireFault(
            "InvalidAction.NotFound",
            f"there is no action {caller.action[:60]!r} in version {version}",
            status=404,
        )

    def _perform(
        self, incoming: Incoming, form: Pairs, caller: Caller, version: str, action: str
    ) -> Json:
        from chalicelib.gateway.uploads.urls import VERSION, split_host
        from chalicelib.gateway.wire import actions

        params = {**dict(incoming.query), **dict(form)}
        if version == VERSION:
            from chalicelib.gateway.uploads import receive as uploads

            return uploads.authorize(
                incoming,
                caller.key,
                self.deployment,
                public_host=self._public[0] if self._public else "",
            )
        if version == CONSOLE:
            return self._console(action, params, caller)
        hosts = (incoming.host, *self._public)
        # the upload helper names this host in two parts; what it makes of them is what comes back
        # in the URL
        known = (*hosts, *(".".join(split_host(host, secure=True)) for host in hosts))
        collection, message = actions.read_message(version, action, incoming, params, hosts=known)
        entry = actions.ACTIONS[version, action]
        _permit(caller, entry.access, collection)
        _check_uploads(message, caller)
        note("collection", collection)
        self._limiter.admit(collection, now=self.deployment.clock())
        base = f"{'https' if incoming.secure else 'http'}://{self._public[0] if self._public else incoming.host}"
        return entry.run(message, actions.Call(self.deployment, base))

    def _console(self, action: str, params: dict[str, str], caller: Caller) -> Json:
        entry = _console_actions()[action]
        if entry.access == "owner" and not caller.key.owner:
            raise Forbidden(
                f"key {caller.key.key_id} may not do this: it takes a key that may write in every collection"
            )
        _permit(
            caller,
            "read" if entry.access == "read" else "write",
            params.get("InstanceName") or None,
        )
        return dict(entry.run(params, self.deployment, caller.key))


def _console_actions() -> Mapping[str, ConsoleAction]:
    from chalicelib.gateway.console.actions import ACTIONS

    return ACTIONS


def _check_size(incoming: Incoming) -> None:
    if len(incoming.body) >= MAX_BODY:
        raise WireFault(
            "RequestBodyTooLarge",
            f"the body has {len(incoming.body)} bytes; it must be below 8 MB: scale the picture down",
            status=413,
        )


def _permit(caller: Caller, access: str, collection: str | None) -> None:
    if not caller.key.may("write" if access == "write" else "read", collection):
        what = "write" if access == "write" else "read"
        raise Forbidden(
            f"key {caller.key.key_id} may not {what} {'here' if collection is None else f'in collection {collection}'}"
        )


def _check_uploads(message: object, caller: Caller) -> None:
    """Uploads are bound to the key that was allowed to send them."""
    from chalicelib.contract.values import Uploaded

    for name in ("picture", "primary", "secondary"):
        picture = getattr(message, name, None)
        if isinstance(picture, Uploaded) and picture.owner != caller.key.key_id:
            raise InvalidField("picture_url", "this upload belongs to another access key")
