"""The client behind trusted proxies (X-Forwarded-For)."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network

from gateway.core.pipeline.context import FORWARDED_FOR

WITH_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]+)?|([^:]*):[0-9]+")
MAX_PROXIES = 16
"""A head has room for thousands, which would take 30 ms to read."""


class TrustedProxies:
    def __init__(self, trusted: Iterable[str]) -> None:
        self._networks = tuple(map(ip_network, trusted))
        self.trusts = lru_cache(maxsize=4096)(self._is_trusted)

    def client_of(self, peer: str, headers: Mapping[bytes, bytes]) -> str:
        """The address of the client of a connected peer. `headers` have lower-case names."""
        forwarded_for = headers.get(FORWARDED_FOR)
        return peer if forwarded_for is None else self.client(peer, forwarded_for)

    def client(self, peer: str, forwarded_for: bytes) -> str:
        """The last address in the list that is not a trusted proxy's, so that a client's own
        entries never count.

        The peer's if the peer is not trusted, the entry is not an address, or the chain is longer
        than MAX_PROXIES.
        """
        if not self.trusts(peer):
            return peer
        address = peer
        last = forwarded_for.decode("latin-1").rsplit(",", MAX_PROXIES)
        rest = last.pop(0) if len(last) > MAX_PROXIES else None
        for text in reversed(last):
            found = address_in(text.strip())
            if found is None:
                return peer
            address = found
            if not self.trusts(address):
                return address
        return address if rest is None else peer

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:  # such as the path of a Unix socket
            return False
        return any(parsed in network for network in self._networks)


def address_in(text: str) -> str | None:
    """The IP address in `192.0.2.1[:80]`, `2001:db8::1` or `[2001:db8::1]:80`, without zone."""
    found = WITH_PORT.fullmatch(text)
    host = (found[1] or found[2]) if found else text
    try:
        ip_address(host)
    except ValueError:
        return None
    return None if "%" in host else host
