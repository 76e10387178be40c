"""The types of settings: how a value is parsed, and what is wrong with one."""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

import orjson
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

ENDPOINT = re.compile(r"(?:[^\s/:\[\]]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})", re.ASCII)
DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d|)", re.ASCII)
SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(MB|GB|)", re.ASCII | re.IGNORECASE)
UNIT_BYTES = {"": 2**20, "MB": 2**20, "GB": 2**30}
REDIS_PORT = 6379
DAY = 86400.0
DURATION_MAX_SECONDS = 36500 * DAY
SWITCH = {"true": True, "1": True, "false": False, "0": False}
UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": DAY}


def parse_duration(value: object) -> float:
    """`30s`, `500ms`, `2m`, `1h`, `30d` or a number of seconds, as seconds."""
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= DURATION_MAX_SECONDS
    ):
        return float(value)
    if isinstance(value, str) and (found := DURATION.fullmatch(value.strip())):
        return float(found[1]) * UNIT_SECONDS[found[2]]
    raise ValueError("expected a duration such as 30s, 500ms or 2m")


def parse_size(value: object) -> object:
    """`256MB`, `1GB` or a number of MB, as bytes."""
    size: float = -1
    if isinstance(value, str) and (found := SIZE.fullmatch(value.strip())):
        size = float(found[1]) * UNIT_BYTES[found[2].upper()]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        size = value * 2**20
    if not 2**20 <= size <= 2**40:
        raise ValueError("expected a size such as 256MB or 1GB, and 1MB at least")
    return round(size)


def parse_endpoints(value: object) -> object:
    """`a:1, b:2` as `("a:1", "b:2")`. Spaces around a single endpoint are an error."""
    if isinstance(value, str):
        parts = value.split(",")
        return tuple(part.strip(" ") for part in parts) if len(parts) > 1 else (value,)
    return value


def check_endpoints(value: tuple[str, ...]) -> tuple[str, ...]:
    """Distinct `host:port`, an IPv6 address in brackets."""
    seen = set()
    for endpoint in value:
        found = ENDPOINT.fullmatch(endpoint)
        if found is None or not 0 < int(found[1]) <= 65535:
            example = "host:port, such as cuebot.studio:8443"
            raise ValueError(f"expected {example}" + f", not {endpoint!r}" * (len(value) > 1))
        same_place = endpoint.rpartition(":")[0].lower(), int(found[1])
        if same_place in seen:
            raise ValueError(f"the same endpoint twice: {endpoint}")
        seen.add(same_place)
    return value


def parse_switch(value: object) -> object:
    if isinstance(value, str) and value.lower() in SWITCH:
        return SWITCH[value.lower()]
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def parse_words(value: object) -> object:
    """`a, b` as `("a", "b")`; a list as it is."""
    if isinstance(value, str):
        return tuple(word for word in (part.strip() for part in value.split(",")) if word)
    return value


def is_local(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def parse_level(value: object) -> object:
    """Any case, and OpenCue's `warn`."""
    level = value.lower() if isinstance(value, str) else value
    return "warning" if level == "warn" else level


def parse_json(value: object) -> object:
    """A table from the environment is JSON."""
    if isinstance(value, str):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"expected a JSON list ({error})") from None
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUrl:
    """`redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS."""

    host: str
    port: int
    database: int
    username: str | None
    password: str | None = field(repr=False)
    tls: bool

    def __str__(self) -> str:
        """Without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' * self.tls}://{host}:{self.port}/{self.database}"


def parse_store_url(text: str) -> StoreUrl:
    """Raises ValueError, without the text: it has a password."""
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
        port=port or REDIS_PORT,
        database=int(url.path[1:] or 0),
        username=unquote(url.username or "") or None,
        password=unquote(url.password or "") or None,
        tls=url.scheme == "rediss",
    )


def check_store_url(value: SecretStr) -> SecretStr:
    parse_store_url(value.get_secret_value())
    return value


Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=DAY)]
Size = Annotated[int, BeforeValidator(parse_size)]
Identity = Literal["fill", "force", "off"]
Words = Annotated[tuple[str, ...], BeforeValidator(parse_words)]
Endpoints = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_endpoints),
    Field(min_length=1),
    AfterValidator(check_endpoints),
]
Switch = Annotated[bool, BeforeValidator(parse_switch)]
