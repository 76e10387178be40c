"""Where a setting comes from, and what is wrong with it.

A setting comes from the environment (upper case), else from the TOML file that GATEWAY_CONFIG
names (lower case), else it has its default. An empty environment variable counts as unset, as
compose files leave them behind.
"""

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.errors import ConfigurationError
from gateway.hints import did_you_mean
from gateway.settings.model import Settings

SYNONYMS: Mapping[str, str] = {
    "REQUEST_TIMEOUT": "GRPC_TIMEOUT",
    "GRPC_KEEPALIVE_TIME": "KEEPALIVE_TIME",
    "GRPC_KEEPALIVE_TIMEOUT": "KEEPALIVE_TIMEOUT",
    "CORS_ALLOWED_ORIGINS": "CORS_ORIGINS",
}
"""Names that OpenCue's pages use for a setting, and the setting's own name."""

SECRET_SOURCES = ("jwt_secret", "jwt_secret_file")
"""Two ways to say one thing: one in the environment overrides either in the file."""

ALIKE = 0.85
"""How alike (difflib's ratio) a misspelled name is: `SSL_CERT_FILE`, which is OpenSSL's, is not."""

Given = dict[str, tuple[str, object]]
"""Field name to the environment variable that sets it, and what it says."""


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
    secret_in = Path(config_file) if config_file and "jwt_secret" in found else None
    for name, (variable, value) in given.items():
        found[name] = value
        origins[name] = variable
    try:
        settings = Settings.model_validate(found, context=secret_in)
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


def misspelled(environ: Mapping[str, str]) -> list[str]:
    """A warning for each variable that is none of ours, and whose name is nearly that of one."""
    ours = {name.upper() for name in Settings.model_fields}
    ours |= {*SYNONYMS, "GRPC_MAX_MESSAGE_SIZE", "GATEWAY_CONFIG"}
    others = sorted(name for name, value in environ.items() if value and name not in ours)
    near = {name: get_close_matches(name.upper(), ours, n=1, cutoff=ALIKE) for name in others}
    return [
        f"{name} is no setting of the gateway; did you mean {found[0]}?"
        for name, found in near.items()
        if found
    ]


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
    shown = isinstance(given, str | int | float) and name not in ("jwt_secret", "jwt_jwks", "state")
    return f"{place}: {message[:1].lower()}{message[1:]}" + (f", got {given!r}" if shown else "")
