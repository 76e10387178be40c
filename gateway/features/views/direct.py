"""Views of the answers to calls straight to Cuebot."""

from collections.abc import Mapping

from gateway.core.calls.answer_form import Asked
from gateway.core.schema.method import Method
from gateway.features.views.compiled_view import AnswerViews, CompiledView


def form(method: Method, asked: Asked) -> CompiledView | None:
    return AnswerViews.of(method).compiled(asked)


def units(method: Method) -> Mapping[str, str]:
    return AnswerViews.of(method).row_units


def columns(method: Method) -> dict[str, dict[str, str]]:
    """Those of a row's owner are the method's alone: only it finds out which one that is."""
    views = AnswerViews.of(method)
    own = dict(sorted(views.columns.items()))
    return {
        method.path: {name: each.about for name, each in own.items()},
        views.row.full_name: {name: each.about for name, each in own.items() if each.owned is None},
    }
