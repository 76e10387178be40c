"""Proxies: whose `X-Forwarded-For` is believed."""

from collections.abc import Sequence
from typing import Any

from gateway.core.gateway import Gateway
from gateway.core.settings.model import Strict
from gateway.feature import Feature
from gateway.features.proxies.proxies import TrustedProxies
from gateway.features.proxies.settings import ProxySettings


class Proxies(Feature):
    name = "proxies"

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict] | None:
        return ProxySettings

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        trusted = TrustedProxies(gateway.settings.section(ProxySettings).forwarded_allow_ips)
        gateway.client_of, gateway.trusts = trusted.client_of, trusted.trusts
