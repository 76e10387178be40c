"""The Content-Security-Policy of a page (https://www.w3.org/TR/CSP3/)."""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256

INLINE = {
    "script-src": re.compile(rb"<script>(.*?)</script>", re.DOTALL),
    "style-src": re.compile(rb"<style>(.*?)</style>", re.DOTALL),
}
"""What the pages have inline, by the directive that allows it."""


def security_headers(page: bytes) -> Mapping[str, str]:
    """The headers of a page, which allow its inline code by hash, and files of this origin.

    Nothing can be loaded from or sent to other origins, and the page cannot be framed.
    """
    inline = {
        directive: " ".join(["'self'", *hashes(pattern.findall(page))])
        for directive, pattern in INLINE.items()
    }
    directives = {
        "default-src": "'none'",
        **inline,
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(
            f"{name} {sources}" for name, sources in directives.items()
        ),
        "X-Frame-Options": "DENY",
    }


def hashes(texts: Iterable[bytes]) -> list[str]:
    """The source expressions that allow exactly these texts."""
    return [f"'sha256-{b64encode(sha256(text).digest()).decode()}'" for text in texts]
