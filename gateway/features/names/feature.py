"""Names in the place of ids, and the near name of one that nothing has."""

from collections.abc import Iterable

from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.profile.draft import Draft
from gateway.feature import Feature
from gateway.features.names.compile import compile_names
from gateway.features.names.hints import NameHints
from gateway.features.names.profile import NameTables


class Names(Feature):
    name = "names"
    tables = NameTables
    headers = HeaderNames(sent=("X-Resolved", "X-No-Match"))

    @staticmethod
    def compile(draft: Draft) -> None:
        compile_names(draft)

    def interceptors(self) -> Iterable[Interceptor]:
        return (NameHints(),)
