"""`/openapi.json` and `/openapi.yaml`."""

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.openapi.live import LiveDocument, Write, as_json, as_yaml
from gateway.pages.content import Content


class Document:
    """The current document in one format, as an app."""

    def __init__(
        self, document: LiveDocument, write: Write, media_type: str, patience: float
    ) -> None:
        self._document = document
        self._write = write
        self._media_type = media_type
        self._patience = patience
        self._content = Content.of(b"", media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = await self._document.text(self._write)
        if self._content.body is not text:
            self._content = Content.of(text, self._media_type)
        await self._content.send(scope, send, self._patience)


def document_apps(document: LiveDocument, patience: float) -> dict[str, ASGIApp]:
    """The document's apps by path."""
    return {
        "/openapi.json": Document(document, as_json, "application/json", patience),
        "/openapi.yaml": Document(document, as_yaml, "application/yaml", patience),
    }
