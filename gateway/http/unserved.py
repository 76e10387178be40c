"""Methods that Cuebot turns out not to serve are left out of the documents."""

from gateway.discovery.refresh import LiveCatalog
from gateway.http.context import RequestContext
from gateway.http.interceptors import Interceptor


class UnservedMethods(Interceptor):
    """Tells the catalog of each method that Cuebot has answered UNIMPLEMENTED."""

    def __init__(self, live: LiveCatalog) -> None:
        self._live = live

    def end(self, context: RequestContext) -> None:
        if context.call.unserved:
            self._live.leave_out(context.call.unserved)
