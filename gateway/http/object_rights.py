"""Rights by what a change is about: the conditions of access rules (`only`)."""

from collections import Counter
from collections.abc import Mapping, Sequence

from gateway.access.conditions import Condition
from gateway.calls.facts import OUTCOMES, FactFinder, Judged
from gateway.calls.invoke import Call, Found
from gateway.discovery.refresh import LiveCatalog
from gateway.http.context import Denial, RequestContext
from gateway.http.interceptors import Interceptor
from gateway.schema.catalog import Catalog, no_schema
from gateway.schema.method import Method


class ObjectRights(Interceptor):
    """Lets a change pass if all objects that it is about fit the rule, as Cuebot describes them."""

    def __init__(self, live: LiveCatalog) -> None:
        self._live = live
        self._catalog: Catalog | None = None
        self.lookups = Counter[str](dict.fromkeys(OUTCOMES, 0))
        """Look-ups of facts by outcome."""
        self._facts = FactFinder(self.lookups)

    def wraps(self, context: RequestContext) -> bool:
        return context.caller is not None and context.caller.rule.only is not None

    def around(self, context: RequestContext, call: Call) -> Call:
        caller = context.caller
        assert caller is not None, "no method is called without a token"
        rule, only = caller.rule, caller.rule.only
        assert only is not None, "nothing else is wrapped"

        async def judged(method: Method, payload: bytes, found: Sequence[Found] = ()) -> bytes:
            if rule.judges(method, self._current()):
                objects = await self._facts.about(method, payload, found, only.facts, call)
                problem = problem_of(method, objects, only, caller.claims)
                if problem:
                    context.call.denied = Denial(rule.name, method, payload)
                    context.call.rpc = method.path
                    raise rule.refusal(method, caller.subject, problem=problem)
                context.call.about = objects
            return await call(method, payload, found)

        return judged

    def _current(self) -> Catalog:
        """The catalog. What is remembered of another one's objects is forgotten."""
        catalog = self._live.current
        if catalog is None:
            raise no_schema()
        if catalog is not self._catalog:
            self._catalog, self._facts = catalog, FactFinder(self.lookups)
        return catalog


def problem_of(
    method: Method, objects: Sequence[Judged], only: Condition, claims: Mapping[str, object]
) -> str:
    """Why a change is refused; empty if it is not."""
    if not objects:
        return "its request has no object"
    for each in objects:
        if not only.holds(each.facts, claims):
            return problem_with(each, method, only)
    return ""


def problem_with(judged: Judged, method: Method, only: Condition) -> str:
    known = [f"{name} {judged.facts[name]!r}" for name in only.facts if name in judged.facts]
    if known:
        return f"{judged.place} has {', '.join(known)}"
    for reference in method.references:
        if str(reference.place) == judged.place:
            names = [name for by in reference.finders for sent in by.sends for name in sent.names]
            if names:
                return (
                    f"Cuebot does not say whose {judged.place} is by its id alone; send"
                    f" {', '.join(dict.fromkeys(names))} instead of the id"
                )
    return f"Cuebot does not say what {judged.place} belongs to"
