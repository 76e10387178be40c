"""Every setting: its name, type and default; and what follows the settings on a reload."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from gateway.core.settings.notes import Hidden, SecretFile, Synonym
from gateway.core.settings.types import (
    Duration,
    Endpoints,
    Size,
    Switch,
    Words,
    check_store_url,
    parse_level,
)


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    mistaken: ClassVar[Mapping[str, str]] = {}
    """Keys that it does not have, with those that are probably meant."""

    @field_validator("*", mode="before")
    @classmethod
    def refuse_booleans(cls, value: object, info: ValidationInfo) -> object:
        """`rest_port = true` must not become port 1."""
        switch = cls.model_fields[info.field_name or ""].annotation is bool
        if isinstance(value, bool) and not switch:
            raise ValueError("expected no true or false")
        return value


Section = TypeVar("Section", bound=Strict)
Value = TypeVar("Value")


class Settings(Strict):
    """The settings of one gateway. The environment variable is the field's name in upper case."""

    cuebot_endpoint: Endpoints = ("localhost:8443",)
    cuebot_tls: Switch = False
    cuebot_ca_file: Path | None = None
    cuebot_cert_file: Path | None = None
    cuebot_key_file: Annotated[Path | None, SecretFile()] = None
    cuebot_transport: Literal["http2", "grpcio"] = "http2"
    descriptor_source: str = "auto"
    reflection_refresh: Duration = 300.0
    compat_profile: str = "opencue"
    include_services: Words = ()
    exclude_services: Words = ()
    unknown_fields: Literal["ignore", "safe", "reject"] = "safe"

    rest_host: str = "0.0.0.0"  # noqa: S104 - a gateway is there to be reached
    open_to_all: Switch = False
    rest_port: int = Field(default=8448, ge=0, le=65535)
    max_body_mb: float = Field(default=4, gt=0, le=1024)
    http_timeout: Duration = Field(default=30.0, gt=0)
    max_in_flight: int = Field(default=256, ge=1)
    max_connections: int = Field(default=4096, ge=1, le=10**6)
    max_connections_per_address: int | None = Field(default=None, ge=0, le=10**6)
    tls_cert_file: Path | None = None
    tls_key_file: Annotated[Path | None, SecretFile()] = None
    workers: int = Field(default=1, ge=1, le=64)
    shutdown_delay: Duration = 0.0
    shutdown_timeout: Duration = 30.0
    docs: Literal["public", "token", "off"] = "token"

    grpc_timeout: Annotated[Duration, Synonym("REQUEST_TIMEOUT")] = Field(default=30.0, gt=0)
    max_answer_memory: Size = 24 * 2**20
    grpc_max_recv_msg_mb: float = Field(default=256, gt=0, le=2047)
    keepalive_time: Annotated[Duration, Synonym("GRPC_KEEPALIVE_TIME")] = 0.0
    keepalive_timeout: Annotated[Duration, Synonym("GRPC_KEEPALIVE_TIMEOUT")] = Field(
        default=20.0, gt=0
    )

    state: Annotated[Annotated[SecretStr, AfterValidator(check_store_url)] | None, Hidden()] = None
    state_password_file: Annotated[Path | None, SecretFile()] = None
    state_ca_file: Path | None = None

    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(parse_level),
    ] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"

    _secret_in: Path | None = None

    def model_post_init(self, context: object) -> None:
        """`context` is the configuration file if a secret comes from it."""
        self._secret_in = context if isinstance(context, Path) else None

    def section(self, kind: type[Section]) -> Section:
        """The settings of a feature, which are there if the feature is."""
        assert isinstance(self, kind)
        return self

    def get(self, name: str, default: Value) -> Value:
        """The setting of a feature that may not be there, by its public name. `default` is what
        holds without the feature.
        """
        found: Value = getattr(self, name, default)
        return found

    @property
    def secret_in(self) -> Path | None:
        """The configuration file, if it has the secret in use."""
        return self._secret_in


Commit = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Reloadable:
    """A part that follows its settings without a restart (SIGHUP)."""

    name: str
    settings: tuple[str, ...]
    """Names of settings, or globs of them."""
    prepare: Callable[[Settings], Commit]
    """Reads and checks everything, in a thread. The commit cannot fail.

    Raises ConfigurationError.
    """

    def follows(self, name: str) -> bool:
        return any(fnmatchcase(name, each) for each in self.settings)
