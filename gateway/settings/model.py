"""Every setting: its names, its default, where it was found, and what is wrong with it.

A setting comes from the environment (upper case), else from the TOML file that GATEWAY_CONFIG
names (lower case), else it has its default. An empty environment variable counts as unset, as
compose files leave them behind.
"""

import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails

from gateway.errors import ConfigurationError
from gateway.hints import did_you_mean

SYNONYMS: Mapping[str, str] = {
    "REQUEST_TIMEOUT": "GRPC_TIMEOUT",
    "GRPC_KEEPALIVE_TIME": "KEEPALIVE_TIME",
    "GRPC_KEEPALIVE_TIMEOUT": "KEEPALIVE_TIMEOUT",
    "CORS_ALLOWED_ORIGINS": "CORS_ORIGINS",
}
"""Names that OpenCue's pages use for a setting, and the setting's own name."""

SECRET_SOURCES = ("jwt_secret", "jwt_secret_file")
"""Two ways to say one thing: one in the environment overrides either in the file."""

ENDPOINT = re.compile(r"(?:[^\s/:\[\]]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})", re.ASCII)
ORIGIN = re.compile(
    r"([a-z][a-z0-9+.-]*)://([^\s/:\[\]?#@*]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?(/?)", re.ASCII
)
DEFAULT_PORTS = {"http": "80", "https": "443"}
HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d|)", re.ASCII)
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


def parse_level(value: object) -> object:
    """`WARN`, as OpenCue's pages write it, as `warning`."""
    return (
        {"warn": "warning"}.get(value.lower(), value.lower()) if isinstance(value, str) else value
    )


def parse_json(value: object) -> object:
    """A table that came through the environment, where it has to be JSON text."""
    if isinstance(value, str):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"expected a JSON list ({error})") from None
    return value


Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=DAY)]
Rps = Annotated[float, AfterValidator(check_rps), Field(ge=0, le=1e6)]
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
Given = dict[str, tuple[str, object]]
"""Field name to the environment variable that sets it, and what it says."""


class Strict(BaseModel):
    """Values that are checked once and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def refuse_booleans(cls, value: object, info: ValidationInfo) -> object:
        """Only a switch is true or false; `rest_port = true` must not become port 1."""
        switch = cls.model_fields[info.field_name or ""].annotation is bool
        if isinstance(value, bool) and not switch:
            raise ValueError("expected no true or false")
        return value


class RateOverride(Strict):
    """Other limits for the subjects (globs) it names."""

    subjects: tuple[str, ...]
    rps: Rps
    burst: int | None = Field(default=None, ge=1)
    max_wait: Duration = 0.0


CUEWEB = RateOverride(
    subjects=("user-id", "cueweb-status-bar", "cueweb-facility-health"), rps=1000, max_wait=5.0
)
"""CueWeb signs the tokens of all its users with these subjects and drops rows on a 429."""


class Settings(Strict):
    """The settings of one gateway. A field's environment name is its name in upper case."""

    cuebot_endpoint: Endpoints = ("localhost:8443",)
    cuebot_tls: Switch = False
    cuebot_ca_file: Path | None = None
    cuebot_cert_file: Path | None = None
    cuebot_key_file: Path | None = None
    cuebot_transport: Literal["http2", "grpcio"] = "http2"
    descriptor_source: str = "auto"
    reflection_refresh: Duration = 300.0
    compat_profile: str = "opencue"
    include_services: Words = ()
    exclude_services: Words = ()
    unknown_fields: Literal["ignore", "safe", "reject"] = "safe"

    rest_host: str = "0.0.0.0"  # noqa: S104 - a gateway is there to be reached
    rest_port: int = Field(default=8448, ge=0, le=65535)
    max_body_mb: float = Field(default=4, gt=0, le=1024)
    http_timeout: Duration = Field(default=30.0, gt=0)
    max_in_flight: int = Field(default=256, ge=1)
    max_connections: int = Field(default=4096, ge=1, le=10**6)
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    forwarded_allow_ips: Annotated[Words, AfterValidator(check_proxies)] = ()
    workers: int = Field(default=1, ge=1, le=64)
    shutdown_delay: Duration = 0.0
    shutdown_timeout: Duration = 30.0
    cors_origins: Annotated[tuple[Origin, ...], BeforeValidator(parse_words)] = ()
    cors_headers: Annotated[tuple[HeaderName, ...], BeforeValidator(parse_words)] = ()
    docs: Literal["public", "token", "off"] = "token"

    grpc_timeout: Duration = Field(default=30.0, gt=0)
    grpc_max_recv_msg_mb: float = Field(default=256, gt=0, le=2047)
    keepalive_time: Duration = 0.0
    keepalive_timeout: Duration = Field(default=20.0, gt=0)

    jwt_secret: SecretStr | None = None
    jwt_secret_file: Path | None = None
    jwt_algorithms: Annotated[
        tuple[Literal["HS256", "HS384", "HS512"], ...], BeforeValidator(parse_words)
    ] = Field(default=("HS256",), min_length=1)
    jwt_required_claims: Words = ("sub", "exp")
    jwt_audience: str | None = None
    jwt_issuer: str | None = None
    jwt_leeway: Duration = 0.0

    rate_limit_rps: Rps = 100
    rate_limit_burst: int | None = Field(default=None, ge=1)
    rate_limit_max_wait: Duration = 0.0
    rate_limit_overrides: Annotated[tuple[RateOverride, ...], BeforeValidator(parse_json)] = (
        CUEWEB,
    )

    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(parse_level),
    ] = "info"
    log_format: Literal["json", "console"] = "json"


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings that this environment, and the file that it names, ask for.

    Raises ConfigurationError, a line for each unknown key, value that cannot be used, and second
    name of one setting.
    """
    config_file = environ.get("GATEWAY_CONFIG")
    problems: list[str] = []
    found = read_file(Path(config_file), problems) if config_file else {}
    origins = {name: f"{config_file}: {name}" for name in found}
    given = read_environment(environ, problems)
    if any(name in given for name in SECRET_SOURCES):
        for name in SECRET_SOURCES:
            found.pop(name, None)
    for name, (variable, value) in given.items():
        found[name] = value
        origins[name] = variable
    try:
        settings = Settings.model_validate(found)
    except ValidationError as error:
        problems += [describe(each, origins) for each in error.errors(include_url=False)]
    if problems:
        raise ConfigurationError(*problems)
    return settings


def read_environment(environ: Mapping[str, str], problems: list[str]) -> Given:
    """Field name to the variable that sets it and its text, for each setting in `environ`.

    What is wrong with the variables themselves is added to `problems`.
    """
    present = {name: value for name, value in environ.items() if value}
    found: Given = {}
    names = {name.upper(): name for name in Settings.model_fields}
    names |= {synonym: name.lower() for synonym, name in SYNONYMS.items()}
    for variable, name in names.items():
        if variable in present:
            add(found, name, variable, present[variable], problems)
    if "GRPC_MAX_MESSAGE_SIZE" in present:
        text = present["GRPC_MAX_MESSAGE_SIZE"]
        if re.fullmatch("[0-9]{1,12}", text):
            megabytes = int(text) / 2**20
            add(found, "grpc_max_recv_msg_mb", "GRPC_MAX_MESSAGE_SIZE", megabytes, problems)
        else:
            problems.append("GRPC_MAX_MESSAGE_SIZE: expected a number of bytes")
    return found


def add(given: Given, name: str, variable: str, value: object, problems: list[str]) -> None:
    """Note that `variable` sets `name`; a second variable for the same setting is a problem."""
    if name in given and not same(given[name][1], value):
        problems.append(
            f"{variable}: the same setting as {given[name][0]}, with another value; unset one"
        )
    given[name] = (variable, value)


def same(one: object, other: object) -> bool:
    """Whether two values, texts or numbers, set the same."""
    try:
        return float(str(one)) == float(str(other))
    except ValueError:
        return one == other


def read_file(path: Path, problems: list[str]) -> dict[str, object]:
    """The settings in a TOML file. Keys that are no setting are problems, with the nearest name.

    Raises ConfigurationError for a file that cannot be read at all.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"GATEWAY_CONFIG: cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"GATEWAY_CONFIG: {path} is not TOML: {error}") from None
    for key in content:
        if key not in Settings.model_fields:
            hint = did_you_mean(key, Settings.model_fields)
            problems.append(f"{path}: unknown setting {key!r}{hint}")
    return {key: value for key, value in content.items() if key in Settings.model_fields}


def describe(error: ErrorDetails, origins: Mapping[str, str]) -> str:
    """One line for a value that pydantic refused, without the value when it is a secret."""
    name, *rest = error["loc"]
    place = origins.get(str(name), str(name).upper())
    if rest:
        place += "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)
    message = error["msg"].removeprefix("Value error, ")
    given = error["input"]
    shown = isinstance(given, str | int | float) and name != "jwt_secret"
    return f"{place}: {message[:1].lower()}{message[1:]}" + (f", got {given!r}" if shown else "")
