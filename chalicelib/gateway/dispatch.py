"""The gateway: from a request as it arrived to an answer. The one place where errors are caught,
and where a request gets its log line.
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
from chalicelib.gateway.wire.body import KINDS, body_pairs
from chalicelib.gateway.wire.faults import PLAIN, Fault, WireFault, answer_fault, fault_of
from chalicelib.gateway.wire.forms import FORM, MULTIPART, check_unique
from chalicelib.gateway.wire.incoming import Answer, Incoming
from chalicelib.trace import note, stage

if TYPE_CHECKING:
    from chalicelib.gateway.actions.declaration import Action, Json
    from chalicelib.gateway.actions.registry import Registry
    from chalicelib.gateway.signatures.authenticate import Caller
    from chalicelib.usecases.deployment import Deployment

MAX_BODY: Final = 8 * 1024 * 1024
"""CONTRACT §1.4: a body is below 8 MB."""
MAX_ANSWER: Final = 6_000_000
"""Bytes of an answer inside of Lambda's own, which has 6,291,556 at most."""
V2020: Final = "2020-12-14"
_AT_THE_ROOT: Final = frozenset({V2020, "2019-12-19", "console"})
"""Versions whose requests name their action (actions/declaration.py)."""
_LOGGER: Final = logging.getLogger("lookalike.errors")


class _Request:
    """One request under way: what is known of it by now."""

    def __init__(self, request_id: str, entry: log.LogLine) -> None:
        self.id = request_id
        self._entry = entry
        self.codes = PLAIN
        self.names: Mapping[str, str] = {}
        """Field to what the caller calls it."""

    def known_as(self, action: Action) -> None:
        """From here on, errors are called as `action` calls them."""
        self._entry.version, self._entry.action = action.version, action.name
        self.codes = action.codes
        self.names = {each.field: each.called or each.name for each in action.parameters}


class Gateway:
    """One per process."""

    def __init__(self, deployment: Deployment, actions: Registry | None = None) -> None:
        """`actions`: what is spoken; None: all that there is."""
        self.deployment = deployment
        self._given = actions
        self._limiter = Limiter(deployment.settings.requests_per_second)
        self._public = tuple(
            name.strip() for name in deployment.settings.public_hosts.split(",") if name.strip()
        )

    @property
    def _actions(self) -> Registry:
        """Imported at the first request: a process that only starts pays nothing for it."""
        from chalicelib.gateway.actions.registry import ACTIONS

        return self._given or ACTIONS

    def answer(self, incoming: Incoming) -> Answer:
        """Never raises."""
        request_id = str(uuid.UUID(self.deployment.new_id())).upper()
        upload = incoming.content_type == MULTIPART and _is_upload(incoming)
        with log.line(request_id) as entry:
            request = _Request(request_id, entry)
            try:
                answer = self._receive(incoming) if upload else self._serve(incoming, request)
            except Exception as error:  # noqa: BLE001  # every error becomes an answer here
                fault = fault_of(error, request.codes)
                _tell(error, fault, request_id)
                entry.outcome(fault.status, fault.code)
                return _refuse(error, request, incoming.host, upload=upload)
            entry.outcome(answer.status, "ok")
            return answer

    def _receive(self, incoming: Incoming) -> Answer:
        from chalicelib.gateway.uploads import receive as uploads

        _check_size(incoming)
        with stage("upload"):
            return uploads.received(uploads.receive(incoming, self.deployment), incoming.host)

    def _serve(self, incoming: Incoming, request: _Request) -> Answer:
        """Who calls, what for, with what: in this order, so that strangers cost little."""
        _check_size(incoming)
        at_path = self._actions.at(incoming.path)
        _check_type(incoming, at_path)
        check_unique(name for name, _ in incoming.query)
        with stage("authenticate"):
            caller = self._authenticate(incoming)
        note("access_key_id", caller.key.key_id)
        values = {**dict(incoming.query), **dict(body_pairs(incoming))}
        action = self._find(incoming.path, at_path, caller, values)
        request.known_as(action)
        members = self._perform(incoming, values, caller, action)
        return Answer(200, _body_of({"RequestId": request.id, **members}))

    def _authenticate(self, incoming: Incoming) -> Caller:
        from chalicelib.gateway.signatures.authenticate import authenticate

        return authenticate(incoming, hosts=self._public, deployment=self.deployment)

    def _find(
        self, path: str, at_path: Action | None, caller: Caller, values: Mapping[str, str]
    ) -> Action:
        """The action that the path names, `at_path`, or else the request. Raises WireFault."""
        version, name = _named(caller, values)
        if at_path is not None:
            _check_agrees(at_path, version, name)
            return at_path
        if path != "/":
            raise _not_found(f"there is nothing at {path[:80]}")
        # a bearer key is for scripts, which need not name a version; SDKs always do
        version = version or (V2020 if caller.scheme == "Bearer" else "")
        known = self._actions.of(version) if version in _AT_THE_ROOT else {}
        if not known:
            raise WireFault(
                "InvalidVersion", f"version {version[:40]!r} is not spoken at /; {V2020} is"
            )
        if not name:
            raise WireFault("MissingParameter", "the request names no Action")
        if name not in known:
            raise _not_found(_unknown(name, version, known))
        return known[name]

    def _perform(
        self, incoming: Incoming, values: dict[str, str], caller: Caller, action: Action
    ) -> Json:
        """Reads the parameters, checks the rights, runs the use case; the answer's members."""
        from chalicelib.gateway.actions.declaration import Call

        fields = action.fields(action, incoming, values, (incoming.host, *self._public))
        message = action.read(fields)
        collection = fields.collection or None
        _permit(caller, action.access, collection)
        _check_uploads(message, caller)
        if action.counted and collection:
            note("collection", collection)
            self._limiter.admit(collection, now=self.deployment.clock())
        host = self._public[0] if self._public else incoming.host
        call = Call(self.deployment, caller.key, host, secure=incoming.secure)
        return action.answer(action.run(message, call))


def _tell(error: Exception, fault: Fault, request_id: str) -> None:
    """Logs where a failure of ours happened, but not the error's own text: that may quote an
    attribute or a secret.
    """
    # the contract has a 500 for what is not offered, too
    if fault.status >= 500 and not isinstance(error, Unsupported):
        frames = "".join(traceback.format_tb(error.__traceback__))
        _LOGGER.error("request %s failed: %s\n%s", request_id, type(error).__name__, frames)


def _is_upload(incoming: Incoming) -> bool:
    from chalicelib.gateway.uploads.receive import is_upload

    return is_upload(incoming)


def _refuse(error: Exception, request: _Request, host: str, *, upload: bool) -> Answer:
    if not upload:
        return answer_fault(
            error, request_id=request.id, host=host, codes=request.codes, names=request.names
        )
    from chalicelib.gateway.uploads import receive as uploads

    return uploads.refused(error, request_id=request.id, host=host)


def _body_of(members: Json) -> bytes:
    """The answer. Raises WireFault where the way out could not take it."""
    text = json.dumps(members, ensure_ascii=False)
    if len(text) > MAX_ANSWER // 12:
        # on Lambda it stands once more inside of JSON, where a character may become six or twelve
        size = len(json.dumps(text))
        if size > MAX_ANSWER:
            raise WireFault(
                "BadRequest",
                f"the answer would have {size} bytes, and {MAX_ANSWER} can be sent: "
                "ask for fewer at once (Num, PageSize)",
            )
    return text.encode()


def _check_agrees(action: Action, version: str, name: str) -> None:
    """Raises WireFault where a request at the action's path says that it is another one."""
    if name not in {"", action.name} or version not in {"", action.version}:
        raise _not_found(
            f"{action.path} is {action.name} of {action.version}, but the request says otherwise"
        )


def _not_found(message: str) -> WireFault:
    return WireFault("InvalidAction.NotFound", message, status=404)


def _named(caller: Caller, values: Mapping[str, str]) -> tuple[str, str]:
    """Version and name of the action. Only a bearer key, which signs nothing, takes them from
    parameters that are not signed as such.
    """
    if caller.scheme != "Bearer":
        return caller.version, caller.action
    return (
        caller.version or values.get("Version", ""),
        caller.action or values.get("Action", ""),
    )


def _unknown(name: str, version: str, known: Mapping[str, Action]) -> str:
    """What is told of an action that is not in `version`."""
    from difflib import get_close_matches

    by_lower = {each.lower(): each for each in known}
    near = get_close_matches(name[:60].lower(), by_lower, n=1)
    hint = f"; did you mean {by_lower[near[0]]}?" if near else ""
    return f"there is no action {name[:60]!r} in version {version}{hint}"


def _check_type(incoming: Incoming, at_path: Action | None) -> None:
    """Raises WireFault for a body that would not be read: dropping it in silence would drop what
    it asks for.
    """
    if not incoming.body or (at_path is not None and at_path.raw_body):
        return
    if incoming.content_type not in KINDS:
        raise WireFault(
            "UnsupportedMediaType",
            f"bodies of type {incoming.content_type[:60]!r} are not read here; send a form "
            f"({FORM}), a JSON object or multipart/form-data",
            status=415,
        )


def _check_size(incoming: Incoming) -> None:
    """Raises WireFault for a body that nothing is done with."""
    if len(incoming.body) >= MAX_BODY:
        raise WireFault(
            "RequestBodyTooLarge",
            f"the body has {len(incoming.body)} bytes; it must be below 8 MB, on Lambda below 4.7 "
            "to 6.2 (docs/API.md): scale the picture down, or send it ahead with the upload helper",
            status=413,
        )


def _permit(caller: Caller, access: str, collection: str | None) -> None:
    """Raises Forbidden where the key does not allow `access`: read, write, or owner."""
    key = caller.key
    if access == "owner" and not key.owner:
        raise Forbidden(
            f"key {key.key_id} may not do this: it takes a key that may write in every collection"
        )
    what = "read" if access == "read" else "write"
    if not key.may("read" if access == "read" else "write", collection):
        where = "here" if collection is None else f"in collection {collection}"
        raise Forbidden(f"key {key.key_id} may not {what} {where}")


def _check_uploads(message: object, caller: Caller) -> None:
    """Uploads are bound to the key that was allowed to send them."""
    from chalicelib.contract.values import Uploaded

    for name in ("picture", "primary", "secondary"):
        picture = getattr(message, name, None)
        if isinstance(picture, Uploaded) and picture.owner != caller.key.key_id:
            raise InvalidField("picture_url", "this upload belongs to another access key")
