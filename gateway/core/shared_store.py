"""A store that several gateways share, and the link to it: no request waits while it is away.

The store is Redis or Valkey, with the `redis` package (the extra `redis`).
"""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog

from gateway.core.errors import ConfigurationError
from gateway.core.settings.key_files import read
from gateway.core.settings.model import Settings
from gateway.core.settings.types import parse_store_url

log = structlog.stdlib.get_logger("gateway.state")

REPLICA = "against a read only"
"""A replica's answer to a script that writes."""

T = TypeVar("T")
Value = int | bytes


class StoreFailed(Exception):
    """The store has not run a script, or nobody knows whether it has; the text says why."""


class StoreRefused(StoreFailed):
    """The store has answered that it does not run the script: no memory, no permission. (A replica
    is the wrong store.)
    """


@dataclass(frozen=True)
class Script:
    """A program in Lua, as Redis and Valkey run it: keys and values in, a list of values out."""

    source: str

    @cached_property
    def digest(self) -> str:
        """The name of the script in a store that has seen it before."""
        return sha1(self.source.encode(), usedforsecurity=False).hexdigest()


class Store(Protocol):
    """One connection to a store. Methods raise StoreFailed and nothing else."""

    name: str
    """Address for people, without the password."""

    async def connect(self) -> None:
        """Replace the connection by a new one on which the store answers."""

    async def run(
        self, script: Script, keys: Sequence[str], values: Sequence[Value]
    ) -> list[Value]:
        """Run a script atomically."""

    async def close(self) -> None:
        """Close the connection. Does not raise."""


@dataclass(frozen=True, slots=True)
class LinkTiming:
    answer: float = 0.05
    """Longest answer; a slower store counts as away."""
    grace: float = 0.01
    """For an answer that has arrived while this process was busy with something else."""
    connection: float = 2.0
    """Longest connection set-up: DNS, TLS and password."""
    first_pause: float = 0.1
    longest_pause: float = 5.0
    """Each pause between two attempts to connect is shortened by chance, since all gateways have
    lost the store at the same moment."""


WRITE_CHECK = Script("redis.call('SET', KEYS[1], '', 'PX', 1) return {}")
"""Run after each connect: a replica, or a store without memory, can only read."""
WRITE_CHECK_KEYS = ["cuebot-gateway:look"]


class Link:
    """Runs scripts while the store is up, and reconnects while it is not."""

    def __init__(self, store: Store, meanwhile: str = "", timing: LinkTiming | None = None) -> None:
        self._store = store
        self.meanwhile = meanwhile
        """For the log: what becomes of requests while the store is away."""
        self.timing = timing or LinkTiming()
        self.up = False
        self.losses = 0
        """How often the store was lost, or missing at the start."""
        self._problem = ""
        self._lost = asyncio.Event()
        self._looked = asyncio.Event()

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        values: Sequence[Value],
        check: Callable[[list[Value]], None] = lambda answer: None,
        *,
        spares: type[StoreFailed] | tuple[()] = (),
        patience: float = 0.0,
    ) -> list[Value]:
        """The script's answer. Raises StoreFailed: at once while the store is away.

        The store counts as away after a failure, unless that is of a kind that `spares` it, and
        after `patience` seconds without an answer, or the link's own limit if that is longer.

        `check` raises StoreFailed for an answer that the script cannot give, which counts as such a
        failure.
        """
        if not self.up:
            raise StoreFailed(self._problem)
        try:
            answer = await self.in_time(self._store.run(script, keys, values), patience)
            check(answer)
            return answer
        except spares:
            raise
        except StoreFailed as failure:
            self._lose(failure)
            raise

    async def first_look(self) -> None:
        """Wait for the end of the first attempt to connect, successful or not."""
        await self._looked.wait()

    async def keep(self) -> None:
        """Connect, and reconnect whenever the store is lost, until cancelled."""
        time, pause = asyncio.get_running_loop().time, self.timing.first_pause
        try:
            while True:
                began = time()
                try:
                    await self.connect()
                except StoreFailed as failure:
                    self._lose(failure)
                else:
                    self._find()
                    await self._lost.wait()
                self._looked.set()
                longest = self.timing.longest_pause
                pause = self.timing.first_pause if time() - began > longest else pause
                await self._store.close()
                await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - no secret
                pause = min(pause * 2, longest)
        finally:
            self.up = False
            await self._store.close()

    async def connect(self) -> None:
        """Connect once, and see whether the store writes in time. Raises StoreFailed."""
        seconds = self.timing.connection
        try:
            async with asyncio.timeout(seconds):
                await self._store.connect()
        except TimeoutError:
            raise StoreFailed(f"no connection within {seconds:g} s") from None
        await self.in_time(self._store.run(WRITE_CHECK, WRITE_CHECK_KEYS, []))

    def _find(self) -> None:
        self.up = True
        self._lost.clear()
        self._looked.set()
        again = " again" * bool(self._problem)
        log.info(f"the shared store answers{again}", store=self._store.name)
        self._problem = ""

    def _lose(self, failure: StoreFailed) -> None:
        if not self._problem:  # logged once, however many requests notice, and at the first attempt
            self._problem = str(failure)
            self.losses += 1
            log.error(
                f"the shared store is away; {self.meanwhile}",
                store=self._store.name,
                problem=self._problem,
            )
        self.up = False
        self._lost.set()

    async def in_time(self, answer: Awaitable[T], patience: float = 0.0) -> T:
        """The answer, unless it takes too long. Raises StoreFailed."""
        longest = max(self.timing.answer, patience)
        waiting = asyncio.ensure_future(answer)
        try:
            for seconds in (longest, self.timing.grace):
                await asyncio.wait([waiting], timeout=seconds)
                if waiting.done():
                    return waiting.result()
        finally:
            if waiting.cancel():
                waiting.add_done_callback(retrieve_error)
            else:
                retrieve_error(waiting)
            del waiting  # its error would hold itself: traceback, frame, future
        raise StoreFailed(f"no answer within {longest * 1000:.0f} ms")


def retrieve_error(abandoned: asyncio.Future[T]) -> None:
    """Keep asyncio from reporting the error of an answer that nobody waits for."""
    if not abandoned.cancelled():
        abandoned.exception()


class RedisStore:
    """The server at STATE, or whichever has that name now; no cluster."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigurationError."""
        assert settings.state is not None
        try:
            from redis.asyncio import Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import NoScriptError, ResponseError
        except ImportError:
            raise ConfigurationError(
                "STATE: needs the redis package; pip install 'cuebot-gateway[redis]'"
            ) from None
        url = parse_store_url(settings.state.get_secret_value())
        self.name = str(url)
        self._unknown: type[Exception] = NoScriptError
        self._refusal: type[Exception] = ResponseError
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

    async def run(
        self, script: Script, keys: Sequence[str], values: Sequence[Value]
    ) -> list[Value]:
        given: tuple[Any, ...] = (len(keys), *keys, *values)
        with as_store_failed(self._refusal):
            try:
                answer = await self._client.evalsha(script.digest, *given)
            except self._unknown:  # restarted since
                answer = await self._client.eval(script.source, *given)
            return [*answer]

    async def close(self) -> None:
        with suppress(StoreFailed), as_store_failed():
            await self._client.aclose()


@contextmanager
def as_store_failed(refusal: type[Exception] | tuple[()] = ()) -> Iterator[None]:
    """Turn any exception into StoreFailed: the caller has to go on without the store."""
    try:
        yield
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        refused = isinstance(error, refusal) and REPLICA not in text
        raise (StoreRefused if refused else StoreFailed)(text) from None


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
