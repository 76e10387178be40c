"""Calls through a gateway, over HTTP."""
