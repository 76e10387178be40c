"""An identity provider: its JSON Web Key Set (RFC 7517), kept up to date."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import orjson
import structlog
from jose import jwk
from jose.backends.base import Key

from gateway.core.errors import ConfigurationError
from gateway.core.long_work import let_others_run
from gateway.core.settings.model import Settings
from gateway.features.tokens.settings import TokenSettings

log = structlog.stdlib.get_logger("gateway.auth")

REFRESH_SECONDS = 600.0
SHORTEST_REFRESH_SECONDS = 30.0
"""Between two fetches, however many tokens name an unknown key."""
FIRST_PAUSE_SECONDS = 1.0
"""Until the second attempt while there are no keys; doubled after each failure."""
FETCH_TIMEOUT_SECONDS = 5.0
PARTS_PER_TURN = 32
"""Parts of an answer that are read before other tasks run."""
LARGEST_KEY_SET_BYTES = 256 * 1024
"""The largest in use, with a chain of certificates for each key, has 30 KB."""

ALGORITHMS: Mapping[tuple[object, object], str] = {("RSA", None): "RS256", ("EC", "P-256"): "ES256"}
"""By `kty` and `crv`. RSA keys have no curve."""
MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}
"""The parts of a public key, besides `kty`."""
RSA_BITS = range(2048, 8192 + 1)
"""Shorter keys are weak (RFC 7518 section 3.3), longer ones slow."""
LONGEST_EXPONENT_BITS = 32
"""Nearly all are 65537; one as long as the key makes each token cost milliseconds."""
LONGEST_MEMBER_CHARACTERS = 2048
"""Limit on `kid` and on each part of a key. A part of an RSA key of 8192 bits has fewer."""
MOST_KEYS = 32
"""A token without `kid` is tried with all of them."""


class NoKeySet(ConfigurationError):
    def __init__(self, problem: str) -> None:
        super().__init__(f"JWT_JWKS: {problem}")


@dataclass(frozen=True, slots=True)
class PublicKey:
    kid: str | None
    algorithm: str
    material: tuple[object, ...]
    """The parts of the key, by which keys are compared."""
    key: Key = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable keys of a provider, and why the others are skipped."""

    keys: tuple[PublicKey, ...]
    skipped: tuple[str, ...] = field(default=(), compare=False)

    def matching(self, algorithm: str, kid: str | None) -> list[Key]:
        """The keys that may have signed a token; without a kid, a key or a token matches any."""
        return [
            each.key
            for each in self.keys
            if each.algorithm == algorithm and (kid is None or each.kid in (None, kid))
        ]

    def has(self, kid: str | None) -> bool:
        """Whether a key has this kid, whatever its algorithm."""
        return kid is None or any(each.kid == kid for each in self.keys)


def parse_key_set(content: bytes) -> KeySet:
    """The keys in a JSON document. Raises NoKeySet if none can be used."""
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise NoKeySet("the key set is not JSON") from None
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise NoKeySet('there is no key set: a JSON object with a list of "keys"')
    if len(listed) > MOST_KEYS:
        raise NoKeySet(f"the key set has more than {MOST_KEYS} keys")
    keys, skipped = [], []
    for number, each in enumerate(listed, 1):
        try:
            keys.append(public_key(each))
        except Unusable as reason:
            skipped.append(f"key {number}: {reason}")
    if not keys:
        raise NoKeySet(f"the key set has no key for RS256 or ES256 ({'; '.join(skipped)})")
    return KeySet(tuple(keys), tuple(skipped))


class Unusable(Exception):
    """The key is broken, or not for verifying tokens."""


def public_key(given: object) -> PublicKey:
    """A key of a set, without its certificate (`x5c`). Raises Unusable."""
    if not isinstance(given, dict):
        raise Unusable("not a JSON object")
    kind, curve, kid = given.get("kty"), given.get("crv"), given.get("kid")
    if not isinstance(kind, str) or not isinstance(curve, str | None):
        raise Unusable("its kty or crv is not a text")
    algorithm = ALGORITHMS.get((kind, curve))
    if algorithm is None or given.get("alg", algorithm) != algorithm:
        raise Unusable("its algorithm is neither RS256 nor ES256")
    operations = given.get("key_ops", ["verify"])
    may_verify = isinstance(operations, list) and "verify" in operations
    if given.get("use", "sig") != "sig" or not may_verify:
        raise Unusable("it is not for signatures")
    if not isinstance(kid, str | None):
        raise Unusable("its kid is not a text")
    members = {name: given.get(name) for name in ("kty", *MEMBERS[kind])}
    if any(
        len(each) > LONGEST_MEMBER_CHARACTERS
        for each in (kid, *members.values())
        if isinstance(each, str)
    ):
        raise Unusable("it is too long")
    try:
        key: Any = jwk.construct(members, algorithm)
        bits = key.prepared_key.key_size
        exponent = key.prepared_key.public_numbers().e if kind == "RSA" else 3
    except Exception:  # whatever jose and cryptography trip over
        raise Unusable("it is broken") from None
    if kind == "RSA" and bits not in RSA_BITS:
        raise Unusable(f"it has {bits} bits, not {RSA_BITS.start} to {RSA_BITS.stop - 1}")
    if exponent % 2 == 0 or exponent.bit_length() > LONGEST_EXPONENT_BITS:
        raise Unusable(f"its exponent is not an odd number of at most {LONGEST_EXPONENT_BITS} bits")
    return PublicKey(kid, algorithm, tuple(members.values()), key)


class KeyUser(Protocol):
    """Verifies tokens with a provider's keys."""

    def use_keys(self, keys: KeySet | None) -> None: ...


class Provider:
    """Follows the key set at JWT_JWKS. The last good one stays in use while fetches fail."""

    def __init__(self, source: str | None, keys: KeySet | None = None) -> None:
        self.source = source
        self.keys = keys
        self.problem = ""
        """Why the last fetch has failed; empty if it has not."""
        self._fetches = 0
        """Number of fetches begun, so that an older one does not replace a newer one."""
        self._wanted = asyncio.Event()
        self._looked = asyncio.Event()

    def follow(self, source: str | None, keys: KeySet | None) -> None:
        """Change the source, and the keys to its own."""
        self.source, self.keys, self.problem = source, keys, ""
        self._fetches += 1

    def request_refresh(self) -> None:
        """Fetch the keys soon, since a token names an unknown one. May be called at any rate."""
        self._wanted.set()

    async def first_look(self) -> None:
        """Wait for the end of the first fetch, successful or not."""
        await self._looked.wait()

    async def run(self, user: KeyUser) -> None:
        """Keep the keys of the user up to date, until cancelled."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            await self.refresh(user)
            self._looked.set()
            if self.keys is None and self.source is not None:
                await asyncio.sleep(pause)
                pause = min(pause * 2, SHORTEST_REFRESH_SECONDS)
                continue
            await asyncio.sleep(SHORTEST_REFRESH_SECONDS)
            if not self.problem:
                with suppress(TimeoutError):
                    async with asyncio.timeout(REFRESH_SECONDS - SHORTEST_REFRESH_SECONDS):
                        await self._wanted.wait()
            self._wanted.clear()

    async def refresh(self, user: KeyUser) -> None:
        """Fetch the keys once. Does not raise."""
        source, problem, keys = self.source, "", None
        self._fetches += 1
        fetch = self._fetches
        if source is None:
            return
        try:
            keys = await load_key_set(source)
        except NoKeySet as error:
            problem = str(error)
        except Exception as error:  # or there would be no other fetch
            problem = f"JWT_JWKS: {type(error).__name__}: {error}"
        if source != self.source or fetch != self._fetches:  # superseded meanwhile
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
            user.use_keys(keys)
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
    return "://" in source


def read_key_set(file: Path) -> KeySet:
    """The key set in a file. Raises NoKeySet."""
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_KEY_SET_BYTES + 1)
    except OSError as error:
        raise NoKeySet(f"cannot read {file}: {error.strerror}") from None
    if len(content) > LARGEST_KEY_SET_BYTES:
        raise NoKeySet(f"{file} is larger than {LARGEST_KEY_SET_BYTES // 1024} KB")
    return parse_key_set(content)


async def fetch(url: str) -> bytes:
    """The document at a URL, without redirects and compression. Raises NoKeySet.

    Proxies and CAs of the environment (HTTPS_PROXY, SSL_CERT_FILE) apply to https.
    """
    context = await asyncio.to_thread(httpx.create_ssl_context)  # reads a file
    secure = httpx.URL(url).scheme == "https"
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    try:
        async with (
            asyncio.timeout(FETCH_TIMEOUT_SECONDS),
            httpx.AsyncClient(
                verify=context, trust_env=secure, timeout=FETCH_TIMEOUT_SECONDS
            ) as client,
            client.stream("GET", url, headers=headers, follow_redirects=False) as response,
        ):
            return await content_of(response, url)
    except (TimeoutError, httpx.TimeoutException):
        problem = f"{url} did not answer within {FETCH_TIMEOUT_SECONDS:g} s"
    except (httpx.HTTPError, OSError) as error:
        problem = f"{url} cannot be reached: {error or type(error).__name__}"
    raise NoKeySet(problem)


async def content_of(response: httpx.Response, url: str) -> bytes:
    """The body of a 200. Raises NoKeySet."""
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
        if parts % PARTS_PER_TURN == 0:  # one read may bring thousands
            await let_others_run()
        if len(content) > LARGEST_KEY_SET_BYTES:
            raise NoKeySet(f"{url} answers with more than {LARGEST_KEY_SET_BYTES // 1024} KB")
    return bytes(content)


def unbound(settings: Settings) -> list[str]:
    """Warnings about tokens of the provider that were not made for this gateway."""
    section = settings.section(TokenSettings)
    if section.jwt_jwks is None:
        return []
    missing = {
        "JWT_ISSUER": (section.jwt_issuer, "of other tenants that share its keys"),
        "JWT_AUDIENCE": (section.jwt_audience, "for other applications"),
    }
    return [
        f"JWT_JWKS without {name}: the provider's tokens {others} are accepted, too; set {name}"
        for name, (value, others) in missing.items()
        if value is None
    ]
