"""Names in the place of ids, and the near name of one that nothing has."""

from collections.abc import Container, Iterable

from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.profile.draft import Draft
from gateway.core.schema.method import Method
from gateway.feature import Description, Feature
from gateway.features.names.compile import compile_names
from gateway.features.names.document import describe_names
from gateway.features.names.hints import NameHints
from gateway.features.names.profile import NameTables


class Names(Feature):
    name = "names"
    tables = NameTables
    openapi = "openapi.yaml"
    headers = HeaderNames(reported=("X-Resolved", "X-No-Match"))

    @staticmethod
    def compile(draft: Draft) -> None:
        compile_names(draft)

    @staticmethod
    def describe(method: Method, listed: Container[str]) -> Description:
        return describe_names(method, listed)

    def interceptors(self) -> Iterable[Interceptor]:
        return (NameHints(),)
