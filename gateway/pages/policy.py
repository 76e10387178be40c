"""What a page may do: the Content-Security-Policy (https://www.w3.org/TR/CSP3/)."""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256

INLINE = {
    "script-src": re.compile(rb"<script>(.*?)</script>", re.DOTALL),
    "style-src": re.compile(rb"<style>(.*?)</style>", re.DOTALL),
}
"""Nothing else stands in the pages themselves."""


def policy(page: bytes) -> Mapping[str, str]:
    """The headers of a page: what stands in it runs, by its hash, and what is served here.

    Nothing may be loaded from elsewhere, sent elsewhere, or framed.
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
        "Content-Security-Policy": "; ".join(f"{name} {to}" for name, to in directives.items()),
        "X-Frame-Options": "DENY",
    }


def hashes(texts: Iterable[bytes]) -> list[str]:
    """The sources that allow these texts and no others."""
    return [f"'sha256-{b64encode(sha256(text).digest()).decode()}'" for text in texts]
