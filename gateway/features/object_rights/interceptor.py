"""Access control: which methods a rule allows, and for which objects (`only`, `see`)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from weakref import ref

from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.errors import GatewayError
from gateway.core.pipeline.context import Denial, RequestContext
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.pipeline.invoke import Call
from gateway.core.pipeline.plan import Found
from gateway.core.schema.catalog import Catalog, no_schema
from gateway.core.schema.method import Method
from gateway.features.access.rights import Rule, refusal_of_all
from gateway.features.object_rights.answer_in_sight import NotJudged, answer_in_sight
from gateway.features.object_rights.conditions import Condition, Facts
from gateway.features.object_rights.facts import OUTCOMES, FactFinder, Judged, Unseen, why_unknown
from gateway.features.object_rights.visibility import Sight

FILTERED = (b"x-filtered", b"access")


class AccessControl(Interceptor):
    """Decides by the method alone."""

    def authorize(
        self,
        context: RequestContext,
        catalog: Catalog,
        method: Method,
        payload: bytes | None,
        asked_by: str,
    ) -> None:
        caller = context.caller
        assert caller is not None, "no method is called without a token"
        try:
            caller.rule.check(method, catalog, caller.subject, asked_by)
        except GatewayError:
            context.call.rpc = method.path
            context.call.denied = Denial(caller.rule.name, method, payload)
            raise


class ObjectRights(Interceptor):
    """Decides by the objects of a call, as Cuebot describes them, and shows of answers what the
    rule lets the caller see.
    """

    def __init__(self, live: LiveCatalog) -> None:
        self._live = live
        self._catalog: ref[Catalog] | None = None
        self.lookups = Counter[str](dict.fromkeys(OUTCOMES, 0))
        self._facts = FactFinder(self.lookups)

    def wraps(self, context: RequestContext) -> bool:
        return context.caller is not None and context.caller.rule.is_conditional

    def around(self, context: RequestContext, call: Call) -> Call:
        caller = context.caller
        assert caller is not None, "no method is called without a token"
        rule = caller.rule
        sight = None if rule.see is None else Sight(rule.see, caller.claims)

        async def judged(method: Method, payload: bytes, found: Sequence[Found] = ()) -> bytes:
            context.call.about = ()  # that of an earlier call of the request
            catalog = self._current()
            now = catalog.routes.get(method.path, method)  # a reload may have made it a change
            if sight is not None and (visibility := rule.visibility(now, catalog)) is not None:
                if FILTERED not in context.response.headers:
                    context.response.headers.append(FILTERED)
                try:
                    return await answer_in_sight(
                        visibility,
                        now,
                        payload,
                        found,
                        sight,
                        self._facts,
                        call,
                        context.call.holders,
                    )
                except NotJudged as error:
                    raise self._denied(context, rule, now, payload, str(error)) from None
            if rule.judges(now, catalog):
                try:
                    objects = await self._facts.about(
                        now, payload, found, rule.facts, call, context.call.holders, sight
                    )
                except Unseen as error:
                    if error.hidden is not None:
                        context.call.denied = Denial(rule.name, method, payload, error.hidden)
                    raise
                problem, facts = problem_of(objects, rule, caller.claims, catalog)
                if problem:
                    raise self._denied(context, rule, now, payload, problem, facts)
                context.call.about = objects
            return await call(method, payload, found)

        return judged

    def _denied(
        self,
        context: RequestContext,
        rule: Rule,
        method: Method,
        payload: bytes,
        problem: str,
        about: Facts | None = None,
    ) -> GatewayError:
        assert context.caller is not None
        context.call.denied = Denial(rule.name, method, payload, about)
        context.call.rpc = method.path
        if context.is_shared:
            return refusal_of_all(method, problem)
        return rule.refusal(method, context.caller.subject, problem=problem)

    def _current(self) -> Catalog:
        """Forgets what is remembered of another catalog's objects."""
        catalog = self._live.current
        if catalog is None:
            raise no_schema()
        if self._catalog is None or self._catalog() is not catalog:
            self._catalog, self._facts = ref(catalog), FactFinder(self.lookups)
        return catalog


def problem_of(
    objects: Sequence[Judged], rule: Rule, claims: Mapping[str, object], catalog: Catalog
) -> tuple[str, Facts]:
    """What does not fit the rule, with its facts; empty if the change is allowed."""
    if not objects:
        return "its request has no object", {}
    for each in objects:
        for condition in (rule.see, rule.only):
            if condition is None:
                continue
            try:
                fits = condition.holds(each.facts, claims)
            except GatewayError as error:  # the patterns of the condition take too long
                return f"{each.place}: {error.message.removeprefix('_where: ')}", each.facts
            if not fits:
                return problem_with(each, rule, condition, catalog), each.facts
    return "", {}


def problem_with(judged: Judged, rule: Rule, condition: Condition, catalog: Catalog) -> str:
    known = [f"{name} {judged.facts[name]!r}" for name in condition.facts if name in judged.facts]
    if known:
        # Only what the caller may read is told in a refusal.
        told = rule.allowed(catalog).issuperset(judged.told_by)
        return f"{judged.place} has {', '.join(known)}" if told else f"{judged.place} does not fit"
    return why_unknown(judged)
