"""Access rules: which methods a token allows, and in whose name.

The claims of a token select its rule once, and a rule is compiled once per catalog into the native
methods that it allows: a request costs one look-up.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Literal
from weakref import ref

import orjson
import structlog

from gateway.core.errors import Code, ConfigurationError, GatewayError
from gateway.core.schema.catalog import Catalog, names_by_service
from gateway.core.schema.method import Method
from gateway.core.schema.selection import NEVER_BY_DEFAULT, chosen, matches, unused
from gateway.core.settings.model import AccessRule, Settings
from gateway.core.settings.types import Identity, Who
from gateway.features.object_rights.aspect import Objects
from gateway.features.object_rights.conditions import Condition, read_condition
from gateway.features.object_rights.visibility import Visibility, visibility_of
from gateway.features.views.filter_expressions import BadCondition

STATUS = "status"
WORDS = ("all", "reads", "changes", STATUS)
"""Words for sets of methods, or for the gateway's own state, instead of a glob."""
NOTHING_TO_SEE = "nothing in its request or answer has a fact that the rule is about"
SINGLE_VALUED = ("sub", "iss")
"""Claims of a single value, which a space does not divide."""

log = structlog.stdlib.get_logger("gateway")


@dataclass(frozen=True, slots=True)
class Rights:
    """The methods of a catalog that a rule allows."""

    catalog: ref[Catalog]
    paths: frozenset[str]
    """Native paths."""
    names: Mapping[str, tuple[str, ...]]
    """By service or alias, as in `Catalog.names`."""
    spared: frozenset[str]
    """Native paths of methods to which the rule's conditions do not apply."""
    never: Mapping[str, str]
    """Native paths of calls that nobody can judge, and why."""
    seen: Mapping[str, Visibility]
    """By the native paths of reads: what the rule shows."""


class Rule:
    """An access rule: the methods that its tokens may call."""

    def __init__(
        self,
        name: str,
        may: Collection[str],
        identity: Identity,
        decided_by: Collection[str],
        why: str = "",
        only: Condition | None = None,
        see: Condition | None = None,
        always: Collection[str] = (),
    ) -> None:
        self.name = name
        self.decided_by = decided_by
        """Names of the claims that select the rule."""
        self.identity = identity
        """How fields that name the caller are filled."""
        self.only = only
        """What changes have to be about."""
        self.see = see
        """What reads show, and changes may be about."""
        self.facts = tuple(
            dict.fromkeys(fact for each in (only, see) if each is not None for fact in each.facts)
        )
        """The facts of both conditions."""
        self._always = always
        self._may = may
        self._why = why or f"access rule {name!r}"
        self._rights: Rights | None = None

    @property
    def terms(self) -> tuple[Hashable, ...]:
        """All that the rule says: rules with the same terms allow the same."""
        conditions = (each and each.text for each in (self.only, self.see))
        return self.name, tuple(self._may), tuple(self._always), self.identity, *conditions

    @property
    def conditions_as_written(self) -> dict[str, str]:
        """By key, those that it has."""
        given = {"only": self.only, "see": self.see}
        return {key: each.text for key, each in given.items() if each is not None}

    @property
    def shows_status(self) -> bool:
        """Whether its tokens may see the state of the gateway itself: metrics, Cuebot's hosts."""
        return chosen((STATUS,), self._may, ("all",))

    def allowed(self, catalog: Catalog) -> frozenset[str]:
        """The native paths of allowed methods."""
        return self._rights_in(catalog).paths

    def names(self, catalog: Catalog) -> Mapping[str, tuple[str, ...]]:
        """Names that may be suggested to the caller; `catalog.names` itself if all are allowed."""
        return self._rights_in(catalog).names

    def _rights_in(self, catalog: Catalog) -> Rights:
        rights = self._rights
        if rights is None or rights.catalog() is not catalog:
            rights = self._rights = self._compile(catalog)
            if idle := self.idle(catalog):
                log.warning("globs of an access rule match nothing", rule=self.name, globs=idle)
        return rights

    def _compile(self, catalog: Catalog) -> Rights:
        def among(method: Method, names: Collection[str], globs: Collection[str]) -> bool:
            return chosen(names, globs, ("all", "reads" if method.reads_only else "changes"))

        allowed = {
            method: names for method, names in names_in(catalog) if among(method, names, self._may)
        }
        spared = frozenset(
            method.path
            for method, names in allowed.items()
            if not self.is_conditional or among(method, names, self._always)
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
        paths = frozenset(method.path for method in allowed).difference(never)
        routes = [path for path, method in catalog.routes.items() if method.path in paths]
        everything = len(routes) == len(catalog.routes)
        names = catalog.names if everything else names_by_service(routes)
        return Rights(ref(catalog), paths, names, spared, never, seen)

    @property
    def is_conditional(self) -> bool:
        """Whether its tokens' rights depend on objects."""
        return bool(self.facts)

    def basis(self, claims: Mapping[str, object]) -> str:
        """All that the conditions depend on, apart from objects, as a digest; empty without
        conditions.

        While it is the same, the same change of the same objects is allowed.
        """
        given = [each for each in (self.only, self.see) if each is not None]
        if not given:
            return ""
        said = [
            [None if texts is None else sorted(texts) for texts in each.said(claims)]
            for each in given
        ]
        texts = [each and each.text for each in (self.only, self.see)]
        shown = orjson.dumps([self.name, texts, [*self._always], said])
        return sha256(shown).hexdigest()

    def judges(self, method: Method, catalog: Catalog) -> bool:
        """Whether a call is a change that has to fit the rule's conditions."""
        if not self.is_conditional or method.reads_only:
            return False
        return method.path not in self._rights_in(catalog).spared

    def visibility(self, method: Method, catalog: Catalog) -> Visibility | None:
        """What the rule shows of a read; None if all of it, or if it is a change.

        A read that the catalog does not have shows nothing.
        """
        rights = self._rights_in(catalog)
        if self.see is None or not method.reads_only or method.path in rights.spared:
            return None
        return rights.seen.get(method.path) or Visibility(method)

    def conditions(self, method: Method, catalog: Catalog) -> dict[str, Condition]:
        """The conditions that apply to a call, by their keys in the order in which they decide."""
        found = {"see": self.see, "only": self.only}
        if method.reads_only:
            del found["only"]
        visibility = self.visibility(method, catalog)
        applies = self.judges(method, catalog) or (visibility is not None and visibility.is_judged)
        return {key: each for key, each in found.items() if applies and each is not None}

    def never(self, catalog: Catalog) -> Mapping[str, str]:
        """The native paths of calls that the conditions can never allow, and why."""
        return self._rights_in(catalog).never

    def check(self, method: Method, catalog: Catalog, subject: str, asked_by: str = "") -> None:
        """Raises GatewayError (PERMISSION_DENIED) if the subject may not call the method.

        `asked_by` is the field of a request that asks for this follow-up call.
        """
        rights = self._rights_in(catalog)
        if method.path not in rights.paths:
            reason = f", which {asked_by!r} asks for" if asked_by else ""
            raise self.refusal(method, subject, reason, rights.never.get(method.path, ""))
        if asked_by and self.judges(method, catalog):
            problem = "nobody can say whose its object will be"
            raise self.refusal(method, subject, f", which {asked_by!r} asks for", problem)

    def refusal(
        self, method: Method, subject: str, reason: str = "", problem: str = ""
    ) -> GatewayError:
        """The 403 for a call; `problem` is why the rule's conditions do not hold.

        It does not say what they are: names in them may be of what the caller does not see.
        """
        problem = f": {problem}" if problem else ""
        return GatewayError(
            Code.PERMISSION_DENIED,
            f"{subject!r} may not call {method.path}{reason}{problem} ({self._why})",
        )

    def idle(self, catalog: Catalog) -> tuple[str, ...]:
        """The globs that match nothing that is served, and so allow nothing."""
        known = [name for _, names in names_in(catalog) for name in names]
        given = (*self._may, *self._always)
        globs = [each for each in given if each not in WORDS and not each.startswith("!")]
        return tuple(each for each in globs if not matches(known, (each,)))

    def unmatched(self, catalog: Catalog) -> list[str]:
        """Problems of `!` globs that match nothing: the methods that they mean may be allowed."""
        given = (*self._may, *self._always)
        globs = [each[1:] for each in given if each.startswith("!") and each[1:] not in WORDS]
        harmless = (*(skip.service for skip in catalog.skipped), *NEVER_BY_DEFAULT)
        found = unused(f"access rule {self.name!r}", globs, catalog.known, harmless)
        return [str(replace(each, glob=f"!{each.glob}")) for each in found]


class AccessRules:
    """All rules, in order, and the default."""

    def __init__(self, settings: Settings) -> None:
        self._whose = [(each.who, rule_of(each, settings)) for each in settings.access]
        self._default = Rule(
            "access_default",
            ("all",) if settings.access_default == "allow" else (),
            settings.identity,
            tuple(dict.fromkeys(name for each in settings.access for name in each.who)),
            "no access rule fits, and access_default is deny",
        )
        self.unreachable = tuple(unreachable(settings.access))
        """A line for each rule that can never decide."""

    def __iter__(self) -> Iterator[Rule]:
        """The rules of the settings, without the default."""
        return (rule for _, rule in self._whose)

    def unmatched(self, catalog: Catalog) -> tuple[str, ...]:
        return tuple(line for rule in self for line in rule.unmatched(catalog))

    def rule_for(self, claims: Mapping[str, object]) -> Rule:
        """The first rule that fits the claims of a token, whose `sub` is the subject."""
        return next((rule for who, rule in self._whose if fits(who, claims)), self._default)


def refusal_of_all(method: Method, problem: str) -> GatewayError:
    """As `Rule.refusal`, for callers who share a call: of none of them the others are told."""
    return GatewayError(
        Code.PERMISSION_DENIED, f"you may not call {method.path}: {problem} (by your access rule)"
    )


def rule_of(rule: AccessRule, settings: Settings) -> Rule:
    """Raises ConfigurationError for a condition that cannot be read."""
    only, see = (condition_of(rule, key) for key in ("only", "see"))
    identity = identity_of(rule, settings)
    return Rule(
        rule.name, rule.may, identity, tuple(rule.who), only=only, see=see, always=rule.always
    )


def condition_of(rule: AccessRule, key: Literal["only", "see"]) -> Condition | None:
    text = rule.only if key == "only" else rule.see
    if text is None:
        return None
    try:
        return read_condition(text)
    except BadCondition as error:
        problem = f"access rule {rule.name!r}: {key} = {text!r}: {error}"
        raise ConfigurationError(problem) from None


def identity_of(rule: AccessRule, settings: Settings) -> Identity:
    """How the caller's fields are filled. Trusted callers may name others even under `force`."""
    trusted = rule.identity == "trust" and settings.identity == "force"
    return "fill" if trusted else settings.identity


def names_in(catalog: Catalog) -> Iterator[tuple[Method, list[str]]]:
    """Each method with its names and those of its service, with aliases."""
    names: dict[Method, list[str]] = {}
    for path, method in catalog.routes.items():
        service, _, _ = path[1:].partition("/")
        names.setdefault(method, []).extend((service, path[1:]))
    yield from names.items()


def fits(who: Who, claims: Mapping[str, object], *, top: bool = True) -> bool:
    for name, wanted in who.items():
        claim = claims.get(name)
        if isinstance(wanted, Mapping):
            if not isinstance(claim, Mapping) or not fits(wanted, claim, top=False):
                return False
        elif not matches(members(claim, whole=top and name in SINGLE_VALUED), wanted):
            return False
    return True


def members(claim: object, *, whole: bool = False) -> list[str]:
    """The values of a claim: members of a list, or words of a text unless it is `whole`."""
    if isinstance(claim, str):
        return [claim] if whole else claim.split()
    if isinstance(claim, bool):
        return ["true" if claim else "false"]
    if isinstance(claim, int | float):
        return [str(claim)]
    if isinstance(claim, list):
        return [text for each in claim for text in members(each, whole=True)]
    return []


def unreachable(rules: Iterable[AccessRule]) -> Iterator[str]:
    """A line for each rule whose tokens an earlier rule takes."""
    earlier: list[AccessRule] = []
    for rule in rules:
        for other in earlier:
            if includes(other.who, rule.who):
                yield (
                    f"access rule {rule.name!r} never decides: {other.name!r}, before it, fits"
                    " every token that it fits"
                )
                break
        earlier.append(rule)


def includes(wide: Who, narrow: Who) -> bool:
    """Whether every token that matches `narrow` matches `wide`, too; False if in doubt."""
    for name, wanted in wide.items():
        other = narrow.get(name)
        if isinstance(wanted, Mapping):
            if not isinstance(other, Mapping) or not includes(wanted, other):
                return False
        elif not isinstance(other, tuple) or not all(
            any(covers(glob, each) for glob in wanted) for each in other
        ):
            return False
    return True


def covers(wide: str, narrow: str) -> bool:
    """Whether the wide glob matches all that the narrow one does.

    Only `*` of the wide one covers a wildcard of the narrow one.
    """
    if wide in ("*", narrow):
        return True
    if any(each in wide for each in "?[") and any(each in narrow for each in "*?["):
        return False
    return "[" not in narrow and fnmatchcase(narrow, wide)
