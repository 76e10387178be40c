"""How values of each kind of setting are read, and what is wrong with them."""

import re
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import orjson
from pydantic import AfterValidator, BeforeValidator, Field

ENDPOINT = re.compile(r"(?:[^\s/:\[\]]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})", re.ASCII)
ORIGIN = re.compile(
    r"([a-z][a-z0-9+.-]*)://([^\s/:\[\]?#@*]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?(/?)", re.ASCII
)
DEFAULT_PORTS = {"http": "80", "https": "443"}
HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d|)", re.ASCII)
METHODS = re.compile(r"[^\s!/]+/[^\s!/]+|[^\s!/]+\.[^\s!/]+")
"""A glob of methods (`job.*/Get*`) or services (`job.JobInterface`)."""
DEEPEST_CLAIM = 8
SIGNED_BY = "signed_by"
"""Stands among the claims of a token, whatever it says itself, for who has signed it."""
SIGNERS = ("secret", "provider")
SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(MB|GB|)", re.ASCII | re.IGNORECASE)
SIZES = {"": 2**20, "MB": 2**20, "GB": 2**30}
DAY = 86400.0
LONGEST = 36500 * DAY
SWITCH = {"true": True, "1": True, "false": False, "0": False}
SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": DAY}


def parse_duration(value: object) -> float:
    """`30s`, `500ms`, `2m`, `1h`, `30d` or a number of seconds, as seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LONGEST:
        return float(value)
    if isinstance(value, str) and (found := DURATION.fullmatch(value.strip())):
        return float(found[1]) * SECONDS[found[2]]
    raise ValueError("expected a duration such as 30s, 500ms or 2m")


def parse_size(value: object) -> object:
    """`256MB`, `1GB` or a number of MB, as bytes."""
    size: float = -1
    if isinstance(value, str) and (found := SIZE.fullmatch(value.strip())):
        size = float(found[1]) * SIZES[found[2].upper()]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        size = value * 2**20
    if not 2**20 <= size <= 2**40:
        raise ValueError("expected a size such as 256MB or 1GB, and 1MB at least")
    return round(size)


def check_rps(value: float) -> float:
    """Zero, or a rate whose bucket refills within the hour."""
    if 0 < value < 0.001:
        raise ValueError("expected 0 or at least 0.001")
    return value


def parse_endpoints(value: object) -> object:
    """`a:1, b:2` as `("a:1", "b:2")`; a list stays a list."""
    if isinstance(value, str):
        parts = value.split(",")
        return tuple(part.strip(" ") for part in parts) if len(parts) > 1 else (value,)
    return value


def check_endpoints(value: tuple[str, ...]) -> tuple[str, ...]:
    """Each is `host:port`, with an IPv6 address in brackets, and another one."""
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
    """`true`, `false`, `1` and `0`, as the environment has to write them."""
    if isinstance(value, str) and value.lower() in SWITCH:
        return SWITCH[value.lower()]
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def check_proxies(values: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses, or networks smaller than everything: who is trusted may say who is calling."""
    for value in values:
        try:
            everybody = ip_network(value).prefixlen == 0
        except ValueError:
            everybody = True
        if everybody:
            example = "the addresses of your proxies (10.0.0.5, 10.0.8.0/24)"
            raise ValueError(f"expected {example}" + f", not {value!r}" * (len(values) > 1))
    return values


def check_origin(value: str) -> str:
    """An origin as browsers write it in the Origin header, or `*` (RFC 6454 section 6.2)."""
    if value == "*":
        return value
    found = ORIGIN.fullmatch(value.lower()) if value.isascii() else None
    if found is None or (found[3] and not 0 < int(found[3]) <= 65535):
        raise ValueError("expected * or scheme://host[:port], such as https://cueweb.studio.com")
    scheme, host, port, slash = found.groups()
    if slash:
        raise ValueError("an origin has no slash at its end")
    named = port is not None and port != DEFAULT_PORTS.get(scheme)  # browsers leave it out
    return f"{scheme}://{host}:{port}" if named else f"{scheme}://{host}"


def check_header_name(value: str) -> str:
    """The name of a header (RFC 9110 section 5.1), or `*`."""
    if not HEADER_NAME.fullmatch(value):
        raise ValueError("expected the name of a header, such as X-Studio-Site, or *")
    return value


def parse_words(value: object) -> object:
    """`a, b` as `("a", "b")`; a list stays a list."""
    if isinstance(value, str):
        return tuple(word for word in (part.strip() for part in value.split(",")) if word)
    return value


def check_subjects(value: tuple[str, ...]) -> tuple[str, ...]:
    """Claims that can be a subject; not those that have a meaning of their own."""
    for name in value:
        if name in ("", "exp", "nbf", "iat", "iss", "aud"):
            raise ValueError("expected claims that say who is calling, such as sub or email")
    return value


def check_key_set(value: str) -> str:
    """A file, or a URL that nobody on the network can change the answer of."""
    if "://" not in value and value.strip():
        return value
    try:
        url = urlsplit(value)
        good = bool(url.hostname and (url.port is None or url.port)) and value.isprintable()
    except ValueError:
        good = False
    if (
        not good
        or "@" in url.netloc
        or " " in value
        or not (url.scheme == "https" or (url.scheme == "http" and is_here(url.hostname or "")))
    ):
        raise ValueError(
            "expected a file or an https URL without a password (http only from this machine)"
        )
    return value


def is_here(host: str) -> bool:
    """Whether a name or address can only be this machine's."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def parse_level(value: object) -> object:
    """`WARN`, as OpenCue's pages write it, as `warning`."""
    level = value.lower() if isinstance(value, str) else value
    return "warning" if level == "warn" else level


def parse_json(value: object) -> object:
    """A table that came through the environment, where it has to be JSON text."""
    if isinstance(value, str):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"expected a JSON list ({error})") from None
    return value


def check_printable(value: str) -> str:
    """A name that fits into one line of an answer or a log."""
    if not value.isprintable():
        raise ValueError("expected printable characters")
    return value


def parse_who(value: object, depth: int = 0) -> object:
    """Claims by name: a glob, a list of globs, or a table for what is nested."""
    if not isinstance(value, dict) or depth > DEEPEST_CLAIM:
        raise ValueError('expected a table of claims, such as { role = "artist" }')
    return {name: parse_claim(name, each, depth) for name, each in value.items()}


def parse_claim(name: str, value: object, depth: int) -> object:
    """A glob as a tuple of one; a list stays a list."""
    if isinstance(value, dict):
        return parse_who(value, depth + 1)
    globs = value if isinstance(value, list | tuple) else [value]
    if not globs or not all(isinstance(each, str) and each for each in globs):
        raise ValueError(f"{name}: expected a glob, a list of globs, or a table of nested claims")
    if name == SIGNED_BY and not depth and not set(globs) <= set(SIGNERS):
        raise ValueError(f"{name}: expected {' or '.join(SIGNERS)}")
    return tuple(globs)


def check_may(value: tuple[str, ...]) -> tuple[str, ...]:
    """`reads`, `changes`, `all`, or globs of methods; what is taken away needs what it is of."""
    for each in value:
        plain = each.removeprefix("!")
        if plain not in ("reads", "changes", "all", "*") and not METHODS.fullmatch(plain):
            raise ValueError(
                f"expected reads, changes, all, or a glob such as job.*/Kill, not {each!r}"
            )
    if value and all(each.startswith("!") for each in value):
        raise ValueError("there is nothing to take away from; begin with all, reads or changes")
    return value


Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=DAY)]
Size = Annotated[int, BeforeValidator(parse_size)]
Rps = Annotated[float, AfterValidator(check_rps), Field(ge=0, le=1e6)]
Who = Mapping[str, Any]
"""Claims by name, each with a tuple of globs, or with the same for what is nested in it."""
Identity = Literal["fill", "force", "off"]
Words = Annotated[tuple[str, ...], BeforeValidator(parse_words)]
Origin = Annotated[str, AfterValidator(check_origin)]
HeaderName = Annotated[str, AfterValidator(check_header_name)]
Endpoints = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_endpoints),
    Field(min_length=1),
    AfterValidator(check_endpoints),
]
Switch = Annotated[bool, BeforeValidator(parse_switch)]
