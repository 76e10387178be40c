"""An identity provider for tests: keys, tokens signed with them, and a server for the key set.

Tokens are signed with cryptography alone, so that the library under test has no say in them.
"""

import asyncio
import json
import ssl
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512

from tests.support.patience import PATIENCE

Document = Mapping[str, Any]


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def number(value: int, size: int = 0) -> str:
    return base64url(value.to_bytes(size or (value.bit_length() + 7) // 8))


def unsigned(header: Document, claims: Document | bytes) -> bytes:
    body = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return f"{base64url(json.dumps(header).encode())}.{base64url(body)}".encode()


def without_none(members: Document) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True)
class Rsa:
    private: rsa.RSAPrivateKey

    def jwk(self, **members: object) -> dict[str, Any]:
        """The public key; a member that is None is left out."""
        numbers = self.private.public_key().public_numbers()
        own = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        return without_none(own | members)

    def token(self, claims: Document | bytes, **header: object) -> str:
        """Signed with RS256, whatever the header says."""
        signed = unsigned({"alg": "RS256", "typ": "JWT"} | header, claims)
        hashing = SHA512() if header.get("alg") == "RS512" else SHA256()
        signature = self.private.sign(signed, padding.PKCS1v15(), hashing)
        return f"{signed.decode()}.{base64url(signature)}"


@dataclass(frozen=True)
class Ec:
    private: ec.EllipticCurvePrivateKey

    def jwk(self, **members: object) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        size = (self.private.key_size + 7) // 8
        curve = {256: "P-256", 384: "P-384", 521: "P-521"}[self.private.key_size]
        point = {"x": number(numbers.x, size), "y": number(numbers.y, size)}
        return without_none({"kty": "EC", "crv": curve} | point | members)

    def token(self, claims: Document | bytes, **header: object) -> str:
        """Signed with ES256, whatever the header says."""
        signed = unsigned({"alg": "ES256", "typ": "JWT"} | header, claims)
        r, s = decode_dss_signature(self.private.sign(signed, ec.ECDSA(SHA256())))
        size = (self.private.key_size + 7) // 8
        return f"{signed.decode()}.{base64url(r.to_bytes(size) + s.to_bytes(size))}"


@cache
def rsa_key(name: str, bits: int = 2048) -> Rsa:
    return Rsa(rsa.generate_private_key(65537, bits))


@cache
def ec_key(name: str) -> Ec:
    return Ec(ec.generate_private_key(ec.SECP256R1()))


CERTIFICATE = "MIICmzCCAYMCBgGQ" + "A" * 900  # in `x5c`, which nobody reads here


def keycloak(signing: Rsa, elliptic: Ec) -> dict[str, Any]:
    """…/realms/NAME/protocol/openid-connect/certs: a key for encryption beside those that sign."""
    more = {"x5c": [CERTIFICATE], "x5t": "qzY", "x5t#S256": "Zk0"}
    encryption = rsa_key("encryption")
    keys = (
        encryption.jwk(kid="kc-enc", alg="RSA-OAEP", use="enc", **more),
        signing.jwk(kid="kc-rsa", alg="RS256", use="sig", **more),
        elliptic.jwk(kid="kc-ec", alg="ES256", use="sig"),
    )
    return {"keys": [*keys]}


def okta(signing: Rsa, following: Rsa) -> dict[str, Any]:
    """…/oauth2/NAME/v1/keys: the key in use, and the next one."""
    keys = {"okta-1": signing, "okta-2": following}
    return {"keys": [key.jwk(kid=kid, alg="RS256", use="sig") for kid, key in keys.items()]}


def entra(*signing: Rsa) -> dict[str, Any]:
    """…/TENANT/discovery/v2.0/keys: several keys, of which none says its algorithm."""
    issuer = "https://login.microsoftonline.com/{tenantid}/v2.0"
    more = {"cloud_instance_name": "microsoftonline.com", "issuer": issuer, "x5c": [CERTIFICATE]}
    kids = [f"entra-{count}" for count in range(1, 1 + len(signing))]
    keys = zip(kids, signing, strict=True)
    return {"keys": [each.jwk(kid=kid, x5t=kid, use="sig", **more) for kid, each in keys]}


@dataclass
class KeyServer:
    """A web server on loopback whose answer can be changed while it runs."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    headers: tuple[str, ...] = ()
    asked: int = 0  # how many requests there have been
    drips: bool = False  # whether an answer goes on for 20 s, a byte at a time
    answers: asyncio.Event = field(default_factory=asyncio.Event)  # cleared, requests wait
    was_asked: asyncio.Condition = field(default_factory=asyncio.Condition)

    def has(self, document: object) -> None:
        self.status, self.headers = 200, ()
        self.body = document if isinstance(document, bytes) else json.dumps(document).encode()

    async def asked_more_than(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE), self.was_asked:
            await self.was_asked.wait_for(lambda: self.asked > times)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # RuntimeError is uvloop's, of a client that has gone.
        with suppress(OSError, asyncio.IncompleteReadError, RuntimeError), closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            async with self.was_asked:
                self.asked += 1
                self.was_asked.notify_all()
            await self.answers.wait()
            lines = [f"HTTP/1.1 {self.status} x", *self.headers, "Connection: close", "", ""]
            writer.write("\r\n".join(lines).encode() + self.body)
            for _ in range(400 * self.drips):
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
            await writer.drain()


@asynccontextmanager
async def key_server(
    document: object = b"", tls: ssl.SSLContext | None = None
) -> AsyncIterator[KeyServer]:
    server = KeyServer()
    server.has(document)
    server.answers.set()
    serving = set[asyncio.Task[None]]()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(server.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    async with await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls) as listening:
        port = listening.sockets[0].getsockname()[1]
        server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/certs"
        try:
            yield server
        finally:  # nobody is left waiting, whatever became of the test
            for task in [*serving]:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
