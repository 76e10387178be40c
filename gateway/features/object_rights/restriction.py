"""What access rules say of objects: their keys `only`, `see` and `always`."""

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.core.errors import Code, ConfigurationError, GatewayError
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.method import Method
from gateway.features.access.rights import Rule, is_among
from gateway.features.access.settings import AccessRule
from gateway.features.object_rights.aspect import Objects
from gateway.features.object_rights.conditions import Claims, Condition, Facts, read_condition
from gateway.features.object_rights.settings import ObjectKeys
from gateway.features.object_rights.visibility import Visibility, visibility_of
from gateway.features.views.filter_expressions import BadCondition

NOTHING_TO_SEE = "nothing in its request or answer has a fact that the rule is about"
NO_OWNER_YET = "nobody can say whose its object will be"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectConditions:
    """A `Restriction` by the objects of a call. It has one condition at least."""

    only: Condition | None = None
    """What changes have to be about."""
    see: Condition | None = None
    """What reads show, and changes may be about."""
    always: Collection[str] = ()
    """Methods to which neither applies."""
    facts: tuple[str, ...] = field(init=False)
    """The facts of both conditions."""

    def __post_init__(self) -> None:
        facts = dict.fromkeys(fact for each in self._given for fact in each.facts)
        object.__setattr__(self, "facts", tuple(facts))

    @staticmethod
    def of(rights: object) -> "ObjectConditions | None":
        """Those of an access rule; None without any."""
        if not isinstance(rights, Rule):
            return None
        found: ObjectConditions | None = rights.restrictions.get(ObjectConditions)
        return found

    @property
    def _given(self) -> tuple[Condition, ...]:
        return tuple(each for each in (self.only, self.see) if each is not None)

    @property
    def _texts(self) -> list[str | None]:
        return [None if each is None else each.text for each in (self.only, self.see)]

    @property
    def is_partial(self) -> bool:
        return self.see is not None

    @property
    def globs(self) -> Collection[str]:
        return self.always

    @property
    def terms(self) -> Hashable:
        return tuple(self.always), *self._texts

    @property
    def as_written(self) -> dict[str, str]:
        """The conditions by key, those that it has."""
        given = {"only": self.only, "see": self.see}
        return {key: each.text for key, each in given.items() if each is not None}

    def basis(self, claims: Claims) -> list[object]:
        said = [
            [None if texts is None else sorted(texts) for texts in each.said(claims)]
            for each in self._given
        ]
        return [self._texts, [*self.always], said]

    def decide(self, method: Method) -> bool:
        """Whether they may decide about a call of the method."""
        return not method.reads_only or self.see is not None

    def applied(self, catalog: Catalog, allowed: Mapping[Method, Sequence[str]]) -> "InCatalog":
        spared = frozenset(
            method.path for method, names in allowed.items() if is_among(method, names, self.always)
        )
        never = {
            method.path: Objects.of(method).not_judged
            for method in allowed
            if Objects.of(method).not_judged and method.path not in spared
        }
        seen = {}
        for method in catalog.methods if self.see is not None else ():
            if method.reads_only and method.path not in spared:
                assert self.see is not None
                seen[method.path] = replace(
                    visibility_of(method, self.see),
                    is_about_known=all(
                        each.about.is_told_by(spared) for each in Objects.of(method).subjects
                    ),
                )
                if method in allowed and not seen[method.path].is_judged:
                    never[method.path] = NOTHING_TO_SEE
        return InCatalog(self, spared, never, seen)


@dataclass(frozen=True, slots=True)
class InCatalog:
    """The conditions of a rule, applied to the methods of a catalog."""

    conditions: ObjectConditions
    spared: frozenset[str]
    """Native paths of methods to which the conditions do not apply."""
    never: Mapping[str, str]
    """Native paths of calls that nobody can judge, and why."""
    seen: Mapping[str, Visibility]
    """By the native paths of reads: what the rule shows."""

    @staticmethod
    def of(rule: Rule, catalog: Catalog) -> "InCatalog | None":
        """Those of a rule; None without any."""
        found: InCatalog | None = rule.applied(catalog).get(InCatalog)
        return found

    def no_follow_up(self, method: Method) -> str:
        return NO_OWNER_YET if self.judges(method) else ""

    def judges(self, method: Method) -> bool:
        """Whether a call is a change that has to fit the conditions."""
        return not method.reads_only and method.path not in self.spared

    def visibility(self, method: Method) -> Visibility | None:
        """What the rule shows of a read; None if all of it, or if it is a change.

        A read that the catalog does not have shows nothing.
        """
        if self.conditions.see is None or not method.reads_only or method.path in self.spared:
            return None
        return self.seen.get(method.path) or Visibility(method)

    def applying_to(self, method: Method) -> list[str]:
        return [each.text for each in self._applying_to(method).values()]

    def check_facts(self, rule: Rule, method: Method, facts: Facts, claims: Claims) -> None:
        for key, condition in self._applying_to(method).items():
            if condition.holds(facts, claims):
                continue
            names = ", ".join(f"{name} {value!r}" for name, value in facts.items())
            if key == "see":
                raise GatewayError(
                    Code.NOT_FOUND,
                    f"{names} may not be seen: a 404, as of what is not there (access rule"
                    f" {rule.name!r})",
                )
            raise rule.refusal(method, str(claims["sub"]), problem=f"it has {names}")

    def _applying_to(self, method: Method) -> dict[str, Condition]:
        """The conditions that apply to a call, by their keys in the order in which they decide."""
        found = {"see": self.conditions.see, "only": self.conditions.only}
        if method.reads_only:
            del found["only"]
        visibility = self.visibility(method)
        applies = self.judges(method) or (visibility is not None and visibility.is_judged)
        return {key: each for key, each in found.items() if applies and each is not None}


def read_conditions(rule: AccessRule) -> ObjectConditions | None:
    """None without any. Raises ConfigurationError for a condition that cannot be read."""
    if not isinstance(rule, ObjectKeys):
        return None
    only, see = condition_of(rule.name, "only", rule.only), condition_of(rule.name, "see", rule.see)
    if only is None and see is None:
        return None
    return ObjectConditions(only=only, see=see, always=rule.always)


def condition_of(rule: str, key: str, text: str | None) -> Condition | None:
    """The condition at a key of the rule with this name."""
    if text is None:
        return None
    try:
        return read_condition(text)
    except BadCondition as error:
        problem = f"access rule {rule!r}: {key} = {text!r}: {error}"
        raise ConfigurationError(problem) from None


def never_allowed(rule: Rule, catalog: Catalog) -> Iterator[str]:
    """A line for the changes, and one for the reads, that a rule names in vain."""
    reads = {each.path for each in catalog.methods if each.reads_only}
    never, conditions = rule.never(catalog).keys(), ObjectConditions.of(rule)
    for paths, key, what, why in (
        (
            never - reads,
            "only" if conditions is not None and conditions.only else "see",
            "changes",
            "Cuebot does not say whose they are",
        ),
        (
            never & reads,
            "see",
            "reads",
            "nothing in them has its facts (`always` would allow them)",
        ),
    ):
        if paths:
            names = ", ".join(path[1:] for path in sorted(paths))
            yield (
                f"access rule {rule.name!r}: `{key}` can never allow these of its {what}, since"
                f" {why}: {names}"
            )
