"""Waiting for rows with calls straight to Cuebot, without an event stream."""

from gateway.core.calls.answer_form import AnswerForm, Asked
from gateway.core.calls.plan import Plan
from gateway.core.long_work import STEP, in_turns
from gateway.core.schema.method import Method
from gateway.features.views.changes import comparison
from gateway.features.views.columns import NO_OWNERS
from gateway.features.views.compiled_view import AnswerViews, CompiledView
from gateway.features.watch.options import for_goal
from gateway.features.watch.plans import keeping_rows


class WaitedRows:
    """A `Waited` (`core/calls/direct.py`)."""

    def __init__(self, method: Method, asked: Asked, until: str) -> None:
        """Raises GatewayError (INVALID_ARGUMENT)."""
        self._method = method
        self._views = AnswerViews.of(method)
        self._asked = tuple(each for each in asked if each[0] != "_format")
        self._goal = self._views.goal(until, self._views.of_events(self._asked))

    def plan(self, planned: Plan) -> Plan:
        return keeping_rows(planned)

    def form(self, form: AnswerForm | None) -> AnswerForm:
        view = form if isinstance(form, CompiledView) else self._views.of_events(())
        return for_goal(view, self._goal)

    async def has_come(self, answer: bytes, form: AnswerForm | None) -> bool:
        owners = form.owners if isinstance(form, CompiledView) else NO_OWNERS
        events = self._views.of_events(self._asked).of_now(owners)
        compare = comparison(events, self._method.encoders)
        now = self._goal if self._goal.renewed is None else self._goal.renewed(owners)
        return (await in_turns(compare(answer, None, False, now, STEP))).is_done
