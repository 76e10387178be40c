"""`/openapi.json` and `/openapi.yaml`."""

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.openapi.live import LiveDocument, as_json, as_yaml
from gateway.openapi.values import Json
from gateway.pages.content import Content


def json_content(document: Json) -> Content:
    return Content.of(as_json(document), "application/json")


def yaml_content(document: Json) -> Content:
    return Content.of(as_yaml(document), "application/yaml")


def document_apps(document: LiveDocument[Content], *, timeout: float) -> dict[str, ASGIApp]:
    """The apps that serve the current document, by path."""

    def app_of(serialize: Callable[[Json], Content]) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            content = await document.serialized(serialize)
            await content.send(scope, send, timeout)

        return app

    return {"/openapi.json": app_of(json_content), "/openapi.yaml": app_of(yaml_content)}
