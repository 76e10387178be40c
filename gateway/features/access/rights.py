"""Access rules: which methods a token allows, and in whose name.

The claims of a token select its rule once, and a rule is compiled once per catalog into the native
methods that it allows: a request costs one look-up. Features may add keys to rules, which restrict
what a rule allows (`Restriction`).
"""

from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any, NamedTuple, Protocol
from weakref import ref

import orjson
import structlog

from gateway.core.errors import Code, ConfigurationError, GatewayError
from gateway.core.principal import OWN_READS, SIGNED_BY
from gateway.core.schema.catalog import Catalog, names_by_service
from gateway.core.schema.method import Method
from gateway.core.schema.selection import NEVER_BY_DEFAULT, chosen, matches, unused
from gateway.core.settings.model import Settings, Strict
from gateway.core.settings.types import Identity
from gateway.features.access.settings import AccessRule, AccessSettings, Who

STATUS = "status"
WORDS = ("all", "reads", "changes", STATUS)
"""Words for sets of methods, or for the gateway's own state, instead of a glob."""
SINGLE_VALUED = ("sub", "iss")
"""Claims of a single value, which a space does not divide."""

log = structlog.stdlib.get_logger("gateway")


class Restriction(Protocol):
    """What keys of another feature say in a rule: they take away from what it allows."""

    @property
    def is_partial(self) -> bool:
        """Whether answers may lack what others see."""

    @property
    def globs(self) -> Collection[str]:
        """Its globs of methods and services, as in `may`."""

    @property
    def terms(self) -> Hashable:
        """All that it says."""

    @property
    def as_written(self) -> Mapping[str, str]:
        """What the settings say, by key."""

    def basis(self, claims: Mapping[str, object]) -> list[object]:
        """All that decides about a request beside its content, as JSON."""

    def applied(self, catalog: Catalog, allowed: Mapping[Method, Sequence[str]]) -> "Applied":
        """What it says of the methods of a catalog. `allowed` are those of the rule's `may`, with
        their names and those of their services.
        """


class Applied(Protocol):
    """A restriction, for one catalog."""

    @property
    def never(self) -> Mapping[str, str]:
        """The native paths of calls that it can never allow, and why."""

    def no_follow_up(self, method: Method) -> str:
        """Why an allowed method cannot be called after another one, for the same request; empty if
        it can.
        """

    def applying_to(self, method: Method) -> Iterable[str]:
        """What a call has to fit, as the settings say it."""

    def check_facts(
        self, rule: "Rule", method: Method, facts: Mapping[str, str], claims: Mapping[str, object]
    ) -> None:
        """Raises GatewayError unless a call about an object with these facts is allowed."""


class KnownFacts(Protocol):
    def __call__(
        self,
        settings: Settings,
        catalog: Catalog,
        method: Method,
        facts: dict[str, str],
        rule: "Rule",
    ) -> Awaitable[dict[str, str]]:
        """The facts, and others that Cuebot knows of the object that one of them names, if the
        rule needs them. Raises GatewayError if there is no such object.
        """


class AddedKeys(NamedTuple):
    """Keys that a feature adds to the rules in the settings."""

    keys: type[Strict]
    read: Callable[[AccessRule], Restriction | None]
    """What they say in a rule; None without them. Raises ConfigurationError."""
    facts: tuple[str, ...] = ()
    """Names of facts that they may be about."""
    known: KnownFacts | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The methods of a catalog that a rule allows."""

    catalog: ref[Catalog]
    paths: frozenset[str]
    """Native paths."""
    names: Mapping[str, tuple[str, ...]]
    """By service or alias, as in `Catalog.names`."""
    applied: Mapping[type, Any]
    """The rule's restrictions for this catalog, by type."""
    never: Mapping[str, str]
    """Native paths of calls that these can never allow, and why."""


class Rule:
    """An access rule: the methods that its tokens may call."""

    def __init__(
        self,
        name: str,
        may: Collection[str],
        identity: Identity,
        decided_by: Collection[str],
        why: str = "",
        restrictions: Iterable[Restriction] = (),
    ) -> None:
        self.name = name
        self.decided_by = decided_by
        """Names of the claims that select the rule."""
        self.identity = identity
        """How fields that name the caller are filled."""
        self._may = may
        self._why = why or f"access rule {name!r}"
        self._given = tuple(restrictions)
        self.restrictions: Mapping[type, Any] = {type(each): each for each in self._given}
        """What the keys of features say, by type."""
        self._globs = (*may, *(glob for each in self._given for glob in each.globs))
        self.is_restricted = bool(self._given)
        self.is_partial = any(each.is_partial for each in self._given)
        """Whether answers may lack what others see."""
        self._allowed: Allowed | None = None

    @property
    def terms(self) -> tuple[Hashable, ...]:
        """All that the rule says: rules with the same terms allow the same."""
        return self.name, tuple(self._may), self.identity, *(each.terms for each in self._given)

    @property
    def shows_status(self) -> bool:
        """Whether its tokens may see the state of the gateway itself: metrics, Cuebot's hosts."""
        return chosen((STATUS,), self._may, ("all",))

    def reads(self, word: str) -> bool:
        """Whether its tokens may read what a feature has beside Cuebot's methods."""
        return chosen((word,), self._may, ("all", "reads"))

    def applied(self, catalog: Catalog) -> Mapping[type, Any]:
        """What the keys of features say of the methods of a catalog, by type."""
        return self._allowed_in(catalog).applied

    def allowed(self, catalog: Catalog) -> frozenset[str]:
        """The native paths of allowed methods."""
        return self._allowed_in(catalog).paths

    def names(self, catalog: Catalog) -> Mapping[str, tuple[str, ...]]:
        """Names that may be suggested to the caller; `catalog.directory.names` itself if all are
        allowed.
        """
        return self._allowed_in(catalog).names

    def never(self, catalog: Catalog) -> Mapping[str, str]:
        """The native paths of calls that its restrictions can never allow, and why."""
        return self._allowed_in(catalog).never

    def _allowed_in(self, catalog: Catalog) -> Allowed:
        allowed = self._allowed
        if allowed is None or allowed.catalog() is not catalog:
            allowed = self._allowed = self._compile(catalog)
            if idle := self.idle(catalog):
                log.warning("globs of an access rule match nothing", rule=self.name, globs=idle)
        return allowed

    def _compile(self, catalog: Catalog) -> Allowed:
        allowed = {
            method: names
            for method, names in names_in(catalog)
            if is_among(method, names, self._may)
        }
        applied = [each.applied(catalog, allowed) for each in self._given]
        never = {path: why for each in applied for path, why in each.never.items()}
        paths = frozenset(method.path for method in allowed).difference(never)
        routes = [path for path, method in catalog.routes.items() if method.path in paths]
        everything = len(routes) == len(catalog.routes)
        names = catalog.directory.names if everything else names_by_service(routes)
        by_type = {type(each): each for each in applied}
        return Allowed(ref(catalog), paths, names, by_type, never)

    def basis(self, claims: Mapping[str, object]) -> str:
        """All that its restrictions depend on, apart from a request, as a digest; empty without
        any.

        While it is the same, the same change of the same objects is allowed.
        """
        said = [part for each in self._given for part in each.basis(claims)]
        return sha256(orjson.dumps([self.name, *said])).hexdigest() if said else ""

    def check(self, method: Method, catalog: Catalog, subject: str, asked_by: str = "") -> None:
        """Raises GatewayError (PERMISSION_DENIED) if the subject may not call the method.

        `asked_by` is the field of a request that asks for this follow-up call.
        """
        allowed = self._allowed
        if allowed is None or allowed.catalog() is not catalog:
            allowed = self._allowed_in(catalog)
        if not asked_by and method.path in allowed.paths:
            return
        reason = f", which {asked_by!r} asks for" if asked_by else ""
        if method.path not in allowed.paths:
            raise self.refusal(method, subject, reason, allowed.never.get(method.path, ""))
        for each in allowed.applied.values() if asked_by else ():
            if problem := each.no_follow_up(method):
                raise self.refusal(method, subject, reason, problem)

    def refusal(
        self, method: Method, subject: str, reason: str = "", problem: str = ""
    ) -> GatewayError:
        """The 403 for a call; `problem` is why a restriction does not allow it.

        It does not say what that is: names in it may be of what the caller does not see.
        """
        problem = f": {problem}" if problem else ""
        return GatewayError(
            Code.PERMISSION_DENIED,
            f"{subject!r} may not call {method.path}{reason}{problem} ({self._why})",
        )

    def idle(self, catalog: Catalog) -> tuple[str, ...]:
        """The globs that match nothing that is served, and so allow nothing."""
        known = [name for _, names in names_in(catalog) for name in names]
        globs = [each for each in self._globs if not is_word(each) and not each.startswith("!")]
        return tuple(each for each in globs if not matches(known, (each,)))

    def unmatched(self, catalog: Catalog) -> list[str]:
        """Problems of `!` globs that match nothing: the methods that they mean may be allowed."""
        globs = [each[1:] for each in self._globs if each.startswith("!") and not is_word(each[1:])]
        harmless = (*(skip.service for skip in catalog.absent.skipped), *NEVER_BY_DEFAULT)
        found = unused(f"access rule {self.name!r}", globs, catalog.directory.known, harmless)
        return [str(replace(each, glob=f"!{each.glob}")) for each in found]


class AccessRules:
    """All rules, in order, and the default."""

    def __init__(self, settings: Settings, added: Sequence[AddedKeys] = ()) -> None:
        """Raises ConfigurationError."""
        section = settings.section(AccessSettings)
        self._whose = [(each.who, rule_of(each, settings, added)) for each in section.access]
        self._default = Rule(
            "access_default",
            ("all",) if section.access_default == "allow" else (),
            identity_of_all(settings),
            tuple(dict.fromkeys(name for each in section.access for name in each.who)),
            "no access rule fits, and access_default is deny",
        )
        self.unreachable = tuple(unreachable(section.access))
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


def rule_of(rule: AccessRule, settings: Settings, added: Sequence[AddedKeys]) -> Rule:
    """Raises ConfigurationError for keys that cannot be read, or that nobody reads: they would
    restrict the rule.
    """
    known = {*AccessRule.model_fields, *(key for each in added for key in each.keys.model_fields)}
    for key in sorted(rule.model_fields_set - known):
        if getattr(rule, key) not in (None, ()):
            problem = f"access rule {rule.name!r}: {key}: the feature with this key is not there"
            raise ConfigurationError(problem)
    restrictions = [found for each in added if (found := each.read(rule)) is not None]
    identity = identity_of(rule, settings)
    return Rule(rule.name, rule.may, identity, tuple(rule.who), restrictions=restrictions)


def identity_of(rule: AccessRule, settings: Settings) -> Identity:
    """How the caller's fields are filled. Trusted callers may name others even under `force`."""
    of_all = identity_of_all(settings)
    return "fill" if rule.identity == "trust" and of_all == "force" else of_all


def identity_of_all(settings: Settings) -> Identity:
    without: Identity = "off"  # nothing fills them in
    return settings.get("identity", without)


def is_word(glob: str) -> bool:
    return glob in WORDS or glob in OWN_READS


def is_among(method: Method, names: Collection[str], globs: Collection[str]) -> bool:
    """Whether a method with these names, and those of its service, is one of `globs`."""
    return chosen(names, globs, ("all", "reads" if method.reads_only else "changes"))


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


def by_any_signer(settings: Settings) -> list[str]:
    """A warning for each rule that goes by the subject, whoever has signed the token."""
    by_both = {"secret", "provider"} <= signers_of(settings)
    return [
        f"access rule {rule.name!r} goes by sub, and tokens of the provider and of a secret may"
        ' have the same; add signed_by = "secret" or signed_by = "provider"'
        for rule in settings.section(AccessSettings).access
        if by_both and "sub" in rule.who and rule.who.keys().isdisjoint(("iss", SIGNED_BY))
    ]


def signers_of(settings: Settings) -> set[str]:
    """By whom tokens may be signed, as SIGNED_BY has it."""
    signers = {"jwt_secret": "secret", "jwt_secret_file": "secret", "jwt_jwks": "provider"}
    return {signer for name, signer in signers.items() if settings.get(name, None) is not None}


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
