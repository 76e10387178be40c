"""`/openapi.json` and `/openapi.yaml`."""

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.openapi.live import LiveDocument, as_json, as_yaml
from gateway.openapi.scalars import Json
from gateway.pages.content import Content


def json_content(document: Json) -> Content:
    return Content.of(as_json(document), "application/json")


def yaml_content(document: Json) -> Content:
    return Content.of(as_yaml(document), "application/yaml")


def document_app(
    document: LiveDocument[Content], write: Callable[[Json], Content], patience: float
) -> ASGIApp:
    """The current document in one format, as an app."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        content = await document.written(write)
        await content.send(scope, send, patience)

    return app


def document_apps(document: LiveDocument[Content], patience: float) -> dict[str, ASGIApp]:
    """The document's apps by path."""
    return {
        "/openapi.json": document_app(document, json_content, patience),
        "/openapi.yaml": document_app(document, yaml_content, patience),
    }
