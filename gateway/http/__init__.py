"""A request and its answer: middleware and handlers.

Any step may raise GatewayError, which `middleware.py` answers, and ClientGone.
"""
