"""The certificate that clients see, in a context that can take another one while it is used."""

import ssl


class Certificate:
    """The pair of TLS_CERT_FILE and TLS_KEY_FILE, for TLS 1.2 or newer (RFC 8996).

    `context` is for the listener, and stays; `use` puts another pair behind it, which connections
    see from then on.
    """

    def __init__(self, current: ssl.SSLContext) -> None:
        self._current = current
        self.context = current
        self.context.sni_callback = self._show

    def use(self, current: ssl.SSLContext) -> None:
        """Show the pair of this context (an `empty_context`, filled) to new connections."""
        self._current = current

    def _show(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        """Called for each connection, whether it names a server (SNI) or not."""
        connection.context = self._current


def empty_context() -> ssl.SSLContext:
    """A server's context without a pair."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
