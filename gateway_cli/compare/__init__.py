"""Comparing what two gateways answer."""
