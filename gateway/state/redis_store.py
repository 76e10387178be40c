"""A `Store` in Redis or Valkey, with the `redis` package (the extra `redis`)."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gateway.errors import ConfigurationError
from gateway.settings.key_files import read
from gateway.settings.model import Settings
from gateway.settings.types import parse_store_url
from gateway.state.store import Script, StoreFailed


class RedisStore:
    """The server at STATE, or whichever has that name now; no cluster."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigurationError."""
        assert settings.state is not None
        try:
            from redis.asyncio import Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import NoScriptError
        except ImportError:
            raise ConfigurationError(
                "STATE: needs the redis package; pip install 'cuebot-gateway[redis]'"
            ) from None
        url = parse_store_url(settings.state.get_secret_value())
        self.name = str(url)
        self._unknown: type[Exception] = NoScriptError
        options: dict[str, Any] = tls_options(settings) if url.tls else {}
        self._client: Any = Redis(  # Any: its types differ from version to version
            host=url.host,
            port=url.port,
            db=url.database,
            username=url.username,
            password=password_of(settings) or url.password,
            retry=Retry(NoBackoff(), 0),  # it would count a request twice, and wait in between
            socket_keepalive=True,
            protocol=2,  # 3 costs a round trip, and old servers lack it
            client_name="cuebot-gateway",
            **options,
        )

    async def connect(self) -> None:
        with as_store_failed():
            await self._client.connection_pool.disconnect()
            await self._client.ping()

    async def run(self, script: Script, keys: Sequence[str], numbers: Sequence[int]) -> list[int]:
        given: tuple[Any, ...] = (len(keys), *keys, *numbers)
        with as_store_failed():
            try:
                answer = await self._client.evalsha(script.digest, *given)
            except self._unknown:  # restarted since
                answer = await self._client.eval(script.source, *given)
            return [int(each) for each in answer]

    async def close(self) -> None:
        with suppress(StoreFailed), as_store_failed():
            await self._client.aclose()


@contextmanager
def as_store_failed() -> Iterator[None]:
    """Turn any exception into StoreFailed: the caller has to go on without the store."""
    try:
        yield
    except Exception as error:
        raise StoreFailed(" ".join(str(error).split()) or type(error).__name__) from None


def tls_options(settings: Settings) -> dict[str, object]:
    """Options of the client for TLS with a certificate for the server's name."""
    file = settings.state_ca_file
    if file is not None:
        read("STATE_CA_FILE", file)
        try:
            ssl.create_default_context(cafile=str(file))
        except OSError:  # which an SSLError is
            raise ConfigurationError(f"STATE_CA_FILE: {file} contains no PEM certificate") from None
    return {
        "ssl": True,
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_ca_certs": None if file is None else str(file),
    }


def password_of(settings: Settings) -> str:
    """The content of STATE_PASSWORD_FILE. Raises ConfigurationError."""
    file: Path | None = settings.state_password_file
    if file is None:
        return ""
    try:
        password = read("STATE_PASSWORD_FILE", file).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigurationError(f"STATE_PASSWORD_FILE: {file} is not UTF-8") from None
    if not password:
        raise ConfigurationError(f"STATE_PASSWORD_FILE: {file} is empty")
    return password
