"""Where settings come from, and what is wrong with them.

The environment (upper case) overrides the TOML file of GATEWAY_CONFIG (lower case), which overrides
the defaults. An empty variable counts as unset: compose files leave some behind.
"""

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.core.errors import ConfigurationError
from gateway.core.settings.model import Settings, Strict
from gateway.core.settings.notes import Hidden, Retired, Secret, Synonym, noted
from gateway.core.suggestions import did_you_mean

MESSAGE_BYTES = "GRPC_MAX_MESSAGE_SIZE"
"""OpenCue's name for GRPC_MAX_RECV_MSG_MB, in bytes."""

MISSPELLED_SIMILARITY = 0.85
"""The least ratio of difflib: that of OpenSSL's `SSL_CERT_FILE` is below."""

AnySettings = TypeVar("AnySettings", bound=Settings)
GivenSettings = dict[str, tuple[str, object]]
"""By setting: the environment variable, and its value."""


def load_settings(environ: Mapping[str, str], kind: type[AnySettings]) -> AnySettings:
    """The settings of this environment, and of the file that it names. `kind` has those of all
    features.

    Raises ConfigurationError with a line for each unknown key, invalid value, and second name of a
    setting.
    """
    config_file = environ.get("GATEWAY_CONFIG")
    problems: list[str] = []
    found = read_file(Path(config_file), kind, problems) if config_file else {}
    origins = {name: f"{config_file}: {name}" for name in found}
    given = read_environment(environ, kind, problems)
    secrets = [(name, secret.file) for name, secret in noted(kind, Secret)]
    for either in secrets:
        if any(name in given for name in either):
            for name in either:
                found.pop(name, None)
    in_file = config_file and any(name in found for name, _ in secrets)
    secret_in = Path(config_file) if config_file and in_file else None
    for name, (variable, value) in given.items():
        found[name] = value
        origins[name] = variable
    try:
        settings = kind.model_validate(found, context=secret_in)
    except ValidationError as error:
        problems += [describe(each, kind, origins) for each in error.errors(include_url=False)]
    if problems:
        raise ConfigurationError(*problems)
    return settings


def read_environment(
    environ: Mapping[str, str], kind: type[Settings], problems: list[str]
) -> GivenSettings:
    """The settings in the environment. Appends to `problems`."""
    found: GivenSettings = {}

    def add(name: str, variable: str, value: object) -> None:
        if name in found and not is_same(found[name][1], value):
            problems.append(
                f"{variable}: the same setting as {found[name][0]}, with another value; unset one"
            )
        found[name] = (variable, value)

    names = {name.upper(): name for name in kind.model_fields}
    names |= synonyms(kind)
    for variable, name in names.items():
        if value := environ.get(variable):
            add(name, variable, value)
    if size := environ.get(MESSAGE_BYTES):
        if re.fullmatch("[0-9]{1,12}", size):
            add("grpc_max_recv_msg_mb", MESSAGE_BYTES, int(size) / 2**20)
        else:
            problems.append(f"{MESSAGE_BYTES}: expected a number of bytes")
    return found


def synonyms(kind: type[Settings]) -> dict[str, str]:
    """The names of settings, by the variables that OpenCue's pages have for them."""
    return {synonym.variable: name for name, synonym in noted(kind, Synonym)}


def is_same(one: object, other: object) -> bool:
    """Whether two values, texts or numbers, set the same."""
    try:
        return float(str(one)) == float(str(other))
    except ValueError:
        return one == other


def misspelled(environ: Mapping[str, str], kind: type[Settings]) -> list[str]:
    """A warning for each unknown variable whose name is close to a setting's."""
    ours = {name.upper() for name in kind.model_fields}
    ours |= {*synonyms(kind), MESSAGE_BYTES, "GATEWAY_CONFIG"}
    others = sorted(name for name, value in environ.items() if value and name not in ours)
    return [
        f"{name} is no setting of the gateway; did you mean {near[0]}?"
        for name in others
        if (near := get_close_matches(name.upper(), ours, n=1, cutoff=MISSPELLED_SIMILARITY))
    ]


def retired(settings: Settings) -> list[str]:
    return [
        f"{name.upper()} is retired, and goes with the next release: {retired.instead}"
        for name, retired in noted(type(settings), Retired)
        if getattr(settings, name) is not None
    ]


def read_file(path: Path, kind: type[Settings], problems: list[str]) -> dict[str, object]:
    """The settings in a TOML file. Appends unknown keys to `problems`.

    Raises ConfigurationError for a file that cannot be read.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"GATEWAY_CONFIG: cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"GATEWAY_CONFIG: {path} is not TOML: {error}") from None
    for key in sorted(content.keys() - kind.model_fields.keys()):
        hint = did_you_mean(key, kind.model_fields)
        problems.append(f"{path}: unknown setting {key!r}{hint}")
    return {key: value for key, value in content.items() if key in kind.model_fields}


def describe(error: ErrorDetails, kind: type[Settings], origins: Mapping[str, str]) -> str:
    """One line for an invalid value, without the value of a secret."""
    name, *rest = error["loc"]
    place = origins.get(str(name), str(name).upper())
    place += "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        table, key = table_of(kind, str(name)), str(rest[-1])
        hint = did_you_mean(key, table.model_fields)
        if not hint and key in table.mistaken:
            hint = f"; did you mean {table.mistaken[key]}?"
        return f"{place}: there is no such key{hint} (there are: {', '.join(table.model_fields)})"
    given = error["input"]
    hidden = any(name == each for each, _ in noted(kind, Hidden))
    shown = isinstance(given, str | int | float) and not hidden
    return f"{place}: {message[:1].lower()}{message[1:]}" + (f", got {given!r}" if shown else "")


def table_of(kind: type[Settings], name: str) -> type[Strict]:
    """The type of the tables in the list that is the setting of this name."""
    table: type[Strict] = get_args(kind.model_fields[name].annotation)[0]
    return table
