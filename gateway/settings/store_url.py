"""The URL of a shared store: `redis://[user[:password]@]host[:port][/database]`."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

PORT = 6379


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUrl:
    """What such a URL says."""

    host: str
    port: int
    database: int
    username: str | None
    password: str | None = field(repr=False)
    tls: bool

    def __str__(self) -> str:
        """For people: without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' * self.tls}://{host}:{self.port}/{self.database}"


def parse_store_url(text: str) -> StoreUrl:
    """Raises ValueError, without the text, which has a password in it."""
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        host = port = None
    if (
        not host
        or port == 0
        or not text.isprintable()
        or " " in text
        or url.scheme not in ("redis", "rediss")
        or not re.fullmatch("/?|/[0-9]{1,4}", url.path, re.ASCII)
        or url.query
        or url.fragment
    ):
        raise ValueError("expected redis://host[:port][/database], or rediss://… for TLS")
    return StoreUrl(
        host=host,
        port=port or PORT,
        database=int(url.path[1:] or 0),
        username=unquote(url.username or "") or None,
        password=unquote(url.password or "") or None,
        tls=url.scheme == "rediss",
    )


def check_store_url(value: SecretStr) -> SecretStr:
    """The same, if it is one."""
    parse_store_url(value.get_secret_value())
    return value
