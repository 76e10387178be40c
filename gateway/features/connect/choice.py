"""The surface of a request, by its head."""

from collections.abc import Mapping
from functools import lru_cache

from gateway.core.pipeline.context import Request
from gateway.core.pipeline.surface import Surface
from gateway.features.connect import connect, grpc_web

PLAIN_MEDIA = (None, b"application/json")


def surface_of(request: Request) -> Surface | None:
    """None for plain JSON, which all requests without a mark of another are."""
    headers = request.headers
    media = headers.get(b"content-type")
    if (
        media in PLAIN_MEDIA
        and connect.VERSION_HEADER not in headers
        and not (request.query and connect.GET_MARK in request.query)
    ):
        return None
    return marked(request.method, request.path, request.query, headers)


def marked(verb: str, path: str, query: bytes, headers: Mapping[bytes, bytes]) -> Surface | None:
    if path.rfind("/") <= 0:  # batches and pages
        return None
    media = media_type(headers.get(b"content-type", b""))
    if grpc_web.is_media(media):
        return grpc_web.surface_for(media, headers.get(b"accept", b""))
    if verb in ("GET", "HEAD") and connect.is_get(query):
        return connect.surface_for_get(query)
    if connect.VERSION_HEADER in headers or connect.is_media(media):
        return connect.surface_for(media)
    return None


@lru_cache(maxsize=256)
def media_type(content_type: bytes) -> bytes:
    """The type without parameters, in lower case."""
    return content_type.partition(b";")[0].strip().lower()
