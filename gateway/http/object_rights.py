"""Rights by what a change is about: the conditions of access rules (`only`)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from weakref import ref

from gateway.access.rights import Rule
from gateway.calls.facts import OUTCOMES, FactFinder, Judged
from gateway.calls.invoke import Call, Found
from gateway.discovery.refresh import LiveCatalog
from gateway.errors import GatewayError
from gateway.http.context import Denial, RequestContext
from gateway.http.interceptors import Interceptor
from gateway.schema.catalog import Catalog, no_schema
from gateway.schema.method import Method


class ObjectRights(Interceptor):
    """Lets a change pass if all objects that it is about fit the rule, as Cuebot describes them."""

    def __init__(self, live: LiveCatalog) -> None:
        self._live = live
        self._catalog: ref[Catalog] | None = None
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
            context.call.about = ()  # that of an earlier call of the request
            catalog = self._current()
            now = catalog.routes.get(method.path, method)  # a reload may have made it a change
            if rule.judges(now, catalog):
                objects = await self._facts.about(
                    now, payload, found, only.facts, call, context.call.named
                )
                problem = problem_of(objects, rule, caller.claims, catalog)
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
        if self._catalog is None or self._catalog() is not catalog:
            self._catalog, self._facts = ref(catalog), FactFinder(self.lookups)
        return catalog


def problem_of(
    objects: Sequence[Judged],
    rule: Rule,
    claims: Mapping[str, object],
    catalog: Catalog,
) -> str:
    """Why a change is refused; empty if it is not."""
    assert rule.only is not None
    if not objects:
        return "its request has no object"
    for each in objects:
        try:
            fits = rule.only.holds(each.facts, claims)
        except GatewayError as error:  # its patterns are too much work
            return f"{each.place}: {error.message.removeprefix('_where: ')}"
        if not fits:
            return problem_with(each, rule, catalog)
    return ""


def problem_with(judged: Judged, rule: Rule, catalog: Catalog) -> str:
    assert rule.only is not None
    known = [f"{name} {judged.facts[name]!r}" for name in rule.only.facts if name in judged.facts]
    if known:
        # Or a refusal would be a way to read it.
        told = rule.allowed(catalog).issuperset(judged.told_by)
        return f"{judged.place} has {', '.join(known)}" if told else f"{judged.place} does not fit"
    if judged.unknown:
        return f"{judged.place}: {judged.unknown}"
    return f"Cuebot does not say what {judged.place} belongs to"
