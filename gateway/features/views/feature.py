"""Views: the fields, rows, groups and formats of an answer that a client asks for."""

from collections.abc import Iterable

from gateway.core.pipeline.options import OptionReader
from gateway.core.profile.draft import Draft
from gateway.feature import Feature
from gateway.features.views.compile import compile_views
from gateway.features.views.options import ViewOptionReader
from gateway.features.views.profile import ViewTables


class Views(Feature):
    name = "views"
    tables = ViewTables

    @staticmethod
    def compile(draft: Draft) -> None:
        compile_views(draft)

    def options(self) -> Iterable[OptionReader]:
        return (ViewOptionReader(),)
