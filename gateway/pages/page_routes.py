"""The routes of the HTML pages: the farm page, and Swagger UI for `/docs`.

Swagger UI's files are those of the mkdocs-swagger-ui-tag package, which is read as files and never
imported.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import ConfigurationError
from gateway.http.authentication import Guarded
from gateway.http.context import context_of
from gateway.http.interceptors import Interceptors
from gateway.pages.content import Content, serve

READ_METHODS = ["GET", "HEAD"]
PACKAGE = "mkdocs_swagger_ui_tag"
ASSETS = {
    "javascripts/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "stylesheets/swagger-ui.css": "text/css; charset=utf-8",
}
"""By their places in the package. They are served under their names alone."""
INLINE = {
    "script-src": re.compile(rb"<script>(.*?)</script>", re.DOTALL),
    "style-src": re.compile(rb"<style>(.*?)</style>", re.DOTALL),
}
"""What the pages have inline, by the directive that allows it."""
POLICY = (
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)


def page_routes(
    data: Mapping[str, ASGIApp],
    *,
    docs: str,
    readers: Interceptors,
    visitors: Interceptors,
    fallback: ASGIApp,
    timeout: float,
) -> list[Route]:
    """The routes of the pages, and of the `data` that they load, by path.

    `docs` is the setting DOCS. `readers` admit requests for the data; the pages are the same for
    everybody, and `visitors` bound how often they are fetched. Requests for `/` that do not accept
    HTML go to `fallback`. Raises ConfigurationError when Swagger UI is not installed.
    """
    apps: dict[str, ASGIApp] = {path: Guarded(readers, app) for path, app in data.items()}
    for path, content in docs_contents(docs).items():
        apps[path] = Guarded(visitors, serve(content, timeout=timeout))
    routes = [Route(path, app, methods=READ_METHODS) for path, app in apps.items()]
    farm = page("farm.html", docs)
    farm = replace(farm, headers={**farm.headers, "Vary": "Accept"})
    front = Guarded(visitors, serve(farm, timeout=timeout))
    return [*routes, Route("/", FrontPage(front, fallback))]


class FrontPage:
    """`/`: the farm page for browsers, and `fallback` for all other clients."""

    def __init__(self, page: ASGIApp, fallback: ASGIApp) -> None:
        self._page = page
        self._fallback = fallback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        accept = context_of(scope).request.headers.get(b"accept", b"")
        wants_page = scope["method"] in READ_METHODS and b"text/html" in accept
        await (self._page if wants_page else self._fallback)(scope, receive, send)


def docs_contents(docs: str) -> dict[str, Content]:
    """The page and the files that it loads, by path.

    Raises ConfigurationError when the package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "DOCS: the pages need Swagger UI; pip install mkdocs-swagger-ui-tag, or DOCS=off"
        )
    folder = Path(spec.origin).parent / "swagger-ui"
    found = {"/docs": page("docs.html", docs)}
    for place, media_type in ASSETS.items():
        name = Path(place).name
        try:
            body = (folder / place).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"DOCS: cannot read {name}: {error.strerror}") from None
        found[f"/docs/{name}"] = Content.of(body, media_type)
    return found


def page(name: str, docs: str) -> Content:
    """A page of this package, which is told the setting DOCS, with its security headers."""
    body = files("gateway.pages").joinpath("static", name).read_bytes()
    body = body.replace(b"<html", f'<html data-docs="{docs}"'.encode(), 1)
    return Content.of(body, "text/html; charset=utf-8", security_headers(body))


def security_headers(page: bytes) -> Mapping[str, str]:
    """The headers of a page, which allow its inline code by hash, and files of this origin.

    Nothing can be loaded from or sent to other origins, and the page cannot be framed.
    """
    inline = "; ".join(
        " ".join((directive, "'self'", *map(hash_of, pattern.findall(page))))
        for directive, pattern in INLINE.items()
    )
    return {
        "Content-Security-Policy": f"default-src 'none'; {inline}; {POLICY}",
        "X-Frame-Options": "DENY",
    }


def hash_of(text: bytes) -> str:
    """The source expression that allows exactly this text (https://www.w3.org/TR/CSP3/)."""
    return f"'sha256-{b64encode(sha256(text).digest()).decode()}'"
