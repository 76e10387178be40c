"""Proxies: whose `X-Forwarded-For` is believed."""

from gateway.core.gateway import Gateway
from gateway.feature import Feature
from gateway.features.proxies.proxies import TrustedProxies


class Proxies(Feature):
    name = "proxies"

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        trusted = TrustedProxies(gateway.settings.forwarded_allow_ips)
        gateway.client_of, gateway.trusts = trusted.client_of, trusted.trusts
