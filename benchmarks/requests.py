"""Requests without a client, for measuring what is done with them."""

from gateway.errors import Code
from gateway.http.context import RequestContext, open_context
from gateway.http.proxies import TrustedProxies


def request_to(rpc: str, subject: str) -> RequestContext:
    """One that has just come, to this method."""
    context = open_context(
        method="POST",
        path=rpc,
        headers={},
        peer="127.0.0.1",
        proxies=TrustedProxies(()),
        direct=None,
    )
    context.subject = subject
    return context


def finished_request(rpc: str) -> RequestContext:
    """An ordinary one that has been answered."""
    context = request_to(rpc, "benchmark")
    context.bytes_in = 2
    context.call.rpc, context.call.with_cuebot = rpc, 0.002
    response = context.response
    response.status, response.code, response.bytes_out = 200, Code.OK, 1234
    return context
