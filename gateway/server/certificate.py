"""The server's certificate, replaceable at runtime."""

import ssl


class Certificate:
    """TLS 1.2 or newer (RFC 8996). The listener keeps `context`; `use` changes its certificate."""

    def __init__(self, current: ssl.SSLContext) -> None:
        self._current = current
        self.context = current
        self.context.sni_callback = self._show

    def use(self, current: ssl.SSLContext) -> None:
        """Use the pair of this context (a filled `empty_context`) for new connections."""
        self._current = current

    def _show(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._current


def empty_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
