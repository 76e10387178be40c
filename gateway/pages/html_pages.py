"""The HTML pages, and Swagger UI for `/docs`, from the files of the flask-swagger-ui package.

The package is read as files and never imported, since it would import Flask.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.pages.content import Content

PACKAGE = "flask_swagger_ui"
ASSETS = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
}
INLINE = {
    "script-src": re.compile(rb"<script>(.*?)</script>", re.DOTALL),
    "style-src": re.compile(rb"<style>(.*?)</style>", re.DOTALL),
}
"""What the pages have inline, by the directive that allows it."""
POLICY = (
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)


def docs_contents(docs: str) -> dict[str, Content]:
    """The page and the files that it loads, by path.

    Raises ConfigurationError when the package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "DOCS: the documentation needs Swagger UI; pip install flask-swagger-ui, or DOCS=off"
        )
    folder = Path(spec.origin).parent / "dist"
    found = {"/docs": page("docs.html", docs)}
    for name, media_type in ASSETS.items():
        try:
            body = (folder / name).read_bytes()
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
