"""The public keys of an identity provider: a JSON Web Key Set (RFC 7517)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from jose import jwk
from jose.backends.base import Key

from gateway.errors import ConfigurationError

ALGORITHMS: Mapping[tuple[object, object], str] = {("RSA", None): "RS256", ("EC", "P-256"): "ES256"}
"""By `kty` and `crv`. RSA keys have no curve."""
MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}
"""What a public key is made of, besides `kty`."""
RSA_BITS = range(2048, 8192 + 1)
"""Shorter keys are weak (RFC 7518 section 3.3), longer ones slow."""
LONGEST_EXPONENT = 32
"""Bits. Everybody's is 65537; one that is as long as the key makes each token cost milliseconds."""
LONGEST_TEXT = 2048
"""Characters of its name, and of each part of it. A part of one of 8192 bits has fewer."""
MOST_KEYS = 32
"""A token that names no key is tried with all of them."""


class NoKeySet(ConfigurationError):
    """There are no keys at JWT_JWKS that could be used."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"JWT_JWKS: {problem}")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are verified with, by one algorithm alone."""

    kid: str | None
    algorithm: str
    material: tuple[object, ...]
    """What the key is made of, to know it from others."""
    key: Key = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of a provider that can be used, and why others are skipped."""

    keys: tuple[PublicKey, ...]
    skipped: tuple[str, ...] = field(default=(), compare=False)

    def matching(self, algorithm: str, kid: str | None) -> list[Key]:
        """The keys that may have signed a token; a key or token without a kid fits any."""
        return [
            each.key
            for each in self.keys
            if each.algorithm == algorithm and (kid is None or each.kid in (None, kid))
        ]

    def has(self, kid: str | None) -> bool:
        """Whether there is a key of this name, whatever its algorithm."""
        return kid is None or any(each.kid == kid for each in self.keys)


def parse_key_set(content: bytes) -> KeySet:
    """The keys in a JSON document. Raises NoKeySet if there are none that can be used."""
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
    """A key is not for verifying tokens, or broken."""


def public_key(given: object) -> PublicKey:
    """A key of a set. Its certificate (`x5c`) is not looked at. Raises Unusable."""
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
    if any(len(each) > LONGEST_TEXT for each in (kid, *members.values()) if isinstance(each, str)):
        raise Unusable("it is too long")
    try:
        key: Any = jwk.construct(members, algorithm)
        bits = key.prepared_key.key_size
        exponent = key.prepared_key.public_numbers().e if kind == "RSA" else 3
    except Exception:  # whatever jose and cryptography trip over
        raise Unusable("it is broken") from None
    if kind == "RSA" and bits not in RSA_BITS:
        raise Unusable(f"it has {bits} bits, not {RSA_BITS.start} to {RSA_BITS.stop - 1}")
    if exponent % 2 == 0 or exponent.bit_length() > LONGEST_EXPONENT:
        raise Unusable(f"its exponent is not an odd number of at most {LONGEST_EXPONENT} bits")
    return PublicKey(kid, algorithm, tuple(members.values()), key)
