"""An identity provider: where its keys are, and how they are kept up to date."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import structlog

from gateway.access.key_set import KeySet, NoKeySet, parse_key_set
from gateway.long_work import let_others_run
from gateway.settings.model import Settings
from gateway.settings.types import SIGNED_BY

log = structlog.stdlib.get_logger("gateway.auth")

EVERY = 600.0
"""Seconds between two looks at the keys."""
SOONEST = 30.0
"""Seconds between two looks, however many tokens name a key that is not known."""
FIRST_PAUSE = 1.0
"""Seconds after which the keys are asked for again as long as there are none; then twice that."""
TIMEOUT = 5.0
"""Seconds that the provider may take to answer."""
PARTS_PER_TURN = 32
"""Parts of an answer that are taken before others have their turn."""
LARGEST = 256 * 1024
"""Bytes of a key set. The largest ones, with a chain of certificates for each key, have 30 KB."""


class Provider:
    """Follows the key set at JWT_JWKS. The last good one stays in use while there is no other."""

    def __init__(
        self, source: str | None, keys: KeySet | None, use: Callable[[KeySet], object]
    ) -> None:
        """`use` is told of each key set that differs from the one before."""
        self.source = source
        self.keys = keys
        self.problem = ""
        """Why the last look has failed, for people; empty if it has not."""
        self._use = use
        self._fetches = 0
        """What has been begun, to tell which is the latest."""
        self._wanted = asyncio.Event()
        self._looked = asyncio.Event()

    def follow(self, source: str | None, keys: KeySet | None) -> None:
        """Look there from now on; these are the keys that have been found there already."""
        self.source, self.keys, self.problem = source, keys, ""
        self._fetches += 1

    def request_refresh(self) -> None:
        """There may be other keys now. Costs nothing, however often it is called."""
        self._wanted.set()

    async def first_look(self) -> None:
        """Wait until the keys have been asked for once, successfully or not."""
        await self._looked.wait()

    async def run(self) -> None:
        """Keep the keys up to date, until cancelled."""
        pause = FIRST_PAUSE
        while True:
            await self.refresh()
            self._looked.set()
            if self.keys is None and self.source is not None:
                await asyncio.sleep(pause)
                pause = min(pause * 2, SOONEST)
                continue
            await asyncio.sleep(SOONEST)
            if not self.problem:
                with suppress(TimeoutError):
                    async with asyncio.timeout(EVERY - SOONEST):
                        await self._wanted.wait()
            self._wanted.clear()

    async def refresh(self) -> None:
        """Look for the keys once. Does not raise."""
        source, problem, keys = self.source, "", None
        self._fetches += 1
        fetch = self._fetches
        if source is None:
            return
        try:
            keys = await load_key_set(source)
        except NoKeySet as error:
            problem = str(error)
        except Exception as error:  # or nobody would look again
            problem = f"JWT_JWKS: {type(error).__name__}: {error}"
        if source != self.source or fetch != self._fetches:  # there is something newer by now
            return
        if keys is None:
            if problem != self.problem:
                log.error("the identity provider's keys cannot be had", problem=problem)
        elif keys != self.keys:
            log.info(
                "the identity provider has these keys",
                keys=[f"{each.kid} {each.algorithm}" for each in keys.keys],
                skipped=keys.skipped,
            )
            self.keys = keys
            self._use(keys)
        elif self.problem:
            log.info("the identity provider's keys can be had again")
        self.problem = problem


async def load_key_set(source: str) -> KeySet:
    """The key set in a file or at a URL. Raises NoKeySet."""
    if is_url(source):
        content = await fetch(source)
        return await asyncio.to_thread(parse_key_set, content)
    return await asyncio.to_thread(read_key_set, Path(source))


def is_url(source: str) -> bool:
    """Whether JWT_JWKS is a URL and no file."""
    return "://" in source


def read_key_set(file: Path) -> KeySet:
    """The key set in a file. Raises NoKeySet."""
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise NoKeySet(f"cannot read {file}: {error.strerror}") from None
    if len(content) > LARGEST:
        raise NoKeySet(f"{file} is larger than {LARGEST // 1024} KB")
    return parse_key_set(content)


async def fetch(url: str) -> bytes:
    """The document at this URL, as it is: no redirects, no compression. Raises NoKeySet.

    Proxies and CAs of the environment (HTTPS_PROXY, SSL_CERT_FILE) count for https.
    """
    context = await asyncio.to_thread(httpx.create_ssl_context)  # reads a file
    secure = httpx.URL(url).scheme == "https"
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    try:
        async with (
            asyncio.timeout(TIMEOUT),
            httpx.AsyncClient(verify=context, trust_env=secure, timeout=TIMEOUT) as client,
            client.stream("GET", url, headers=headers, follow_redirects=False) as response,
        ):
            return await content_of(response, url)
    except (TimeoutError, httpx.TimeoutException):
        problem = f"{url} did not answer within {TIMEOUT:g} s"
    except (httpx.HTTPError, OSError) as error:
        problem = f"{url} cannot be reached: {error or type(error).__name__}"
    raise NoKeySet(problem)


async def content_of(response: httpx.Response, url: str) -> bytes:
    """The body of a good answer. Raises NoKeySet."""
    if response.is_redirect:
        raise NoKeySet(f"{url} is a redirect; set it to the URL where the key set is")
    if response.status_code != 200:
        raise NoKeySet(f"{url} answers with status {response.status_code}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise NoKeySet(f"{url} answers with a compressed key set, which was not asked for")
    content, parts = bytearray(), 0
    async for part in response.aiter_raw():
        content += part
        parts += 1
        if parts % PARTS_PER_TURN == 0:  # one read may bring thousands of them
            await let_others_run()
        if len(content) > LARGEST:
            raise NoKeySet(f"{url} answers with more than {LARGEST // 1024} KB")
    return bytes(content)


def unbound(settings: Settings) -> list[str]:
    """A warning for each way in which any token of the provider would do, or one for another."""
    if settings.jwt_jwks is None:
        return []
    missing = {
        "JWT_ISSUER": (settings.jwt_issuer, "of other tenants that share its keys"),
        "JWT_AUDIENCE": (settings.jwt_audience, "for other applications"),
    }
    secrets = settings.jwt_secret is not None or settings.jwt_secret_file is not None
    alike = [
        f"access rule {rule.name!r} goes by sub, and tokens of the provider and of a secret may"
        ' have the same; add signed_by = "secret" or signed_by = "provider"'
        for rule in settings.access
        if secrets and "sub" in rule.who and rule.who.keys().isdisjoint(("iss", SIGNED_BY))
    ]
    return alike + [
        f"JWT_JWKS without {name}: the provider's tokens {others} are accepted, too; set {name}"
        for name, (value, others) in missing.items()
        if value is None
    ]
