"""Whose `X-Forwarded-For` is believed."""

from gateway.features.proxies.feature import Proxies

__all__ = ["Proxies"]
