"""Views: the fields, rows, groups and formats of an answer that a client asks for."""

from collections.abc import Container, Iterable

from gateway.core.calls.direct import DirectCalls
from gateway.core.pipeline.options import OptionReader
from gateway.core.profile.draft import Draft
from gateway.core.schema.method import Method
from gateway.feature import Description, Feature
from gateway.features.views.compile import compile_views
from gateway.features.views.direct import columns, form, units
from gateway.features.views.document import describe_answers
from gateway.features.views.options import ViewOptionReader
from gateway.features.views.profile import ViewTables


class Views(Feature):
    name = "views"
    tables = ViewTables
    openapi = "openapi.yaml"
    direct = DirectCalls(form=form, units=units, columns=columns)

    @staticmethod
    def compile(draft: Draft) -> None:
        compile_views(draft)

    @staticmethod
    def describe(method: Method, listed: Container[str]) -> Description:
        return describe_answers(method, listed)

    def options(self) -> Iterable[OptionReader]:
        return (ViewOptionReader(),)
