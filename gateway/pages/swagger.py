"""`/docs`: Swagger UI from the files of the flask-swagger-ui package, and a page that starts it.

The package is read as files and never imported, since it would import Flask.
"""

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.pages.content import Content
from gateway.pages.csp import security_headers

PACKAGE = "flask_swagger_ui"
ASSETS = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
}


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
