"""Routes and events, and nothing else: each function hands what it got to the room that understands
it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import CloudWatchEvent, Rate, Response, SQSEvent

from chalicelib.gateway import events, import_events, serving
from chalicelib.gateway.rest import App

if TYPE_CHECKING:
    from chalicelib.usecases.deployment import Deployment


app = App(app_name="lookalike", configure_logs=False)
# A form must stay text: as a binary type it would travel in base64, and a 4 MiB picture would no
# longer fit into Lambda's 6 MB.
app.api.binary_types = ["multipart/form-data"]


def _deployment() -> Deployment:
    from chalicelib.wiring import deployment

    return deployment()


def call() -> Response:
    """Any action: of 2020-12-14, the upload helper and the console at /, of older versions by their
    paths.
    """
    return serving.signed(app.request, _deployment())


for _path in (
    "/",
    "/v2/image/add",
    "/v2/image/search",
    "/v2/image/delete",
    "/item/add",
    "/item/search",
    "/item/delete",
):
    app.route(_path, methods=["POST"], content_types=["*/*"])(call)


@app.route("/", methods=["GET"])
def get() -> Response:
    """Any action by GET, and the way of a browser to the console."""
    return serving.root(app.request, _deployment())


@app.route("/openapi.json", methods=["GET"])
def openapi() -> Response:
    """The document of the plain HTTP form."""
    return serving.openapi()


@app.route("/health", methods=["GET"])
def health() -> Response:
    """Whether this process answers, and how what runs in its background is."""
    return serving.health(_deployment())


@app.route("/files/{token}", methods=["GET"])
def file(token: str) -> Response:
    """An export, or the errors of an import, by a signed link."""
    return serving.file(app.request, token, _deployment())


@app.route("/console", methods=["GET"])
def console() -> Response:
    """The console."""
    return serving.console(app.request)


@app.route("/console/{name}", methods=["GET"])
def console_file(name: str) -> Response:
    """One of its files."""
    return serving.console(app.request, name)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def compact(event: CloudWatchEvent) -> None:
    """Turns log objects into segments."""
    events.compact(_deployment(), event.context)


@app.schedule(Rate(6, unit=Rate.HOURS))
def collect(event: CloudWatchEvent) -> None:  # noqa: ARG001  # Chalice passes it
    """Removes garbage."""
    events.collect(_deployment())


@app.on_cw_event(
    {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"object": {"key": [{"suffix": "increment.meta"}]}},
    }
)
def import_event(event: CloudWatchEvent) -> None:
    """An increment.meta was put into a bucket."""
    import_events.on_object(event.to_dict(), _deployment())


@app.on_sqs_message(queue="imports", batch_size=1)
def import_slice(event: SQSEvent) -> None:
    """Some of an import's or export's work."""
    import_events.on_messages(event.to_dict(), event.context, _deployment())


@app.schedule(Rate(5, unit=Rate.MINUTES))
def recover_imports(event: CloudWatchEvent) -> None:  # noqa: ARG001  # Chalice passes it
    """Looks after imports whose workers died."""
    import_events.on_schedule(_deployment())


@app.lambda_function(name="search_part")
# Lambda passes it
def search_part(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    """One part of a search over a collection too large for one function."""
    return events.search_part(event, _deployment())
