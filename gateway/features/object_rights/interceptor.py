"""Rights that depend on objects: what a call is about, and what its answer shows."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from weakref import ref

from gateway.core.calls.invoke import Call
from gateway.core.calls.plan import Found
from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.errors import GatewayError
from gateway.core.pipeline.context import Denial, RequestContext
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.principal import Principal
from gateway.core.schema.catalog import Catalog, no_schema
from gateway.core.schema.method import Method
from gateway.features.access.rights import Rule, refusal_of_all
from gateway.features.object_rights.answer_in_sight import NotJudged, answer_in_sight
from gateway.features.object_rights.conditions import Condition, Facts
from gateway.features.object_rights.facts import (
    OUTCOMES,
    FactFinder,
    ObjectInRequest,
    Unseen,
    why_unknown,
)
from gateway.features.object_rights.restriction import InCatalog, ObjectConditions
from gateway.features.object_rights.state import note_change, note_denial
from gateway.features.object_rights.visibility import Sight

FILTERED = (b"x-filtered", b"access")


class ObjectControl(Interceptor):
    """Decides by the objects of a call, as Cuebot describes them, and shows of answers what the
    rule lets the caller see.
    """

    restricts = True

    def __init__(self, live: LiveCatalog) -> None:
        self._live = live
        self._catalog: ref[Catalog] | None = None
        self.lookups = Counter[str](dict.fromkeys(OUTCOMES, 0))
        self._facts = FactFinder(self.lookups)

    def decides(self, context: RequestContext, method: Method) -> bool:
        conditions = None if context.caller is None else ObjectConditions.of(context.caller.rights)
        return conditions is not None and conditions.decide(method)

    def part_seen(self, context: RequestContext, method: Method, catalog: Catalog) -> Hashable:
        """The rule's condition, what that reads of the token, what the rule always shows, and where
        objects are said to lie.
        """
        caller = context.caller
        assert caller is not None, "no method is called without a token"
        rule = caller.rights
        applied = InCatalog.of(rule, catalog) if isinstance(rule, Rule) else None
        visibility = None if applied is None else applied.visibility(method)
        if applied is None or visibility is None or (see := applied.conditions.see) is None:
            return None
        return see.text, see.said(caller.claims), visibility.is_about_known, context.call.kept

    def around(self, context: RequestContext, call: Call) -> Call:
        caller = context.caller
        assert caller is not None, "no method is called without a token"
        conditions = ObjectConditions.of(caller.rights)
        return call if conditions is None else self._judging(context, caller, conditions, call)

    def _judging(
        self, context: RequestContext, caller: Principal, conditions: ObjectConditions, call: Call
    ) -> Call:
        rule = caller.rights
        assert isinstance(rule, Rule), "no other rights have conditions"
        sight = None if conditions.see is None else Sight(conditions.see, caller.claims)

        async def judged(method: Method, payload: bytes, found: Sequence[Found] = ()) -> bytes:
            catalog = self._current()
            now = catalog.routes.get(method.path, method)  # a reload may have made it a change
            note_change(context, ())  # not that of an earlier call of the request
            if sight is None and now.reads_only:
                return await call(method, payload, found)
            applied: InCatalog = rule.applied(catalog)[InCatalog]
            if sight is not None and (visibility := applied.visibility(now)) is not None:
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
                        context.call.kept,
                    )
                except NotJudged as error:
                    raise self._denied(context, rule, now, payload, str(error)) from None
            if applied.judges(now):
                try:
                    objects = await self._facts.about(
                        now, payload, found, conditions.facts, call, context.call.kept, sight
                    )
                except Unseen as error:
                    if error.hidden is not None:
                        context.call.denied = Denial(rule.name, method, payload)
                        note_denial(context, error.hidden)
                    raise
                problem, unfit = problem_of(objects, conditions, rule, caller.claims, catalog)
                if problem:
                    raise self._denied(context, rule, now, payload, problem, unfit)
                note_change(context, [each.facts for each in objects])
            return await call(method, payload, found)

        return judged

    def _denied(
        self,
        context: RequestContext,
        rule: Rule,
        method: Method,
        payload: bytes,
        problem: str,
        unfit: Facts | None = None,
    ) -> GatewayError:
        assert context.caller is not None
        context.call.denied = Denial(rule.name, method, payload)
        context.call.rpc = method.path
        note_denial(context, unfit)
        if context.request.is_shared:
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
    objects: Sequence[ObjectInRequest],
    conditions: ObjectConditions,
    rule: Rule,
    claims: Mapping[str, object],
    catalog: Catalog,
) -> tuple[str, Facts]:
    """What does not fit the rule, with its facts; empty if the change is allowed."""
    if not objects:
        return "its request has no object", {}
    for each in objects:
        for condition in (conditions.see, conditions.only):
            if condition is None:
                continue
            try:
                fits = condition.holds(each.facts, claims)
            except GatewayError as error:  # the patterns of the condition take too long
                return f"{each.place}: {error.message.removeprefix('_where: ')}", each.facts
            if not fits:
                return problem_with(each, rule, condition, catalog), each.facts
    return "", {}


def problem_with(one: ObjectInRequest, rule: Rule, condition: Condition, catalog: Catalog) -> str:
    known = [f"{name} {one.facts[name]!r}" for name in condition.facts if name in one.facts]
    if known:
        # Only what the caller may read is told in a refusal.
        told = rule.allowed(catalog).issuperset(one.told_by)
        return f"{one.place} has {', '.join(known)}" if told else f"{one.place} does not fit"
    return why_unknown(one)
