"""Rules of access: which methods the bearer of a token may call, and as whom.

They speak of native methods. The claims of a token decide once which rule it has, and a rule is
compiled once for each catalog into the methods that it allows: a request costs one look-up.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from weakref import ref

import structlog

from gateway.errors import Code, GatewayError
from gateway.schema.catalog import Catalog, names_by_service
from gateway.schema.method import Method
from gateway.schema.selection import NEVER_BY_DEFAULT, chosen, matches, unused
from gateway.settings.model import AccessRule, Settings
from gateway.settings.types import Identity, Who

WORDS = ("all", "reads", "changes")
"""What stands for methods instead of a glob."""
WHOLE = ("sub", "iss")
"""Claims that name one thing, in which a space does not separate members."""

log = structlog.stdlib.get_logger("gateway")


@dataclass(frozen=True, slots=True)
class Rights:
    """What a rule allows of one catalog."""

    catalog: ref[Catalog]
    paths: frozenset[str]
    """The native paths of the methods."""
    names: Mapping[str, tuple[str, ...]]
    """Their names by service or alias, as those of all methods in `Catalog.names`."""


class Rule:
    """What the tokens may do that it decides about."""

    def __init__(
        self,
        name: str,
        may: Collection[str],
        identity: Identity,
        decided_by: Collection[str],
        why: str = "",
    ) -> None:
        self.name = name
        self.decided_by = decided_by
        """The names of the claims by which it was chosen."""
        self.identity = identity
        """What becomes of the fields that name the caller."""
        self._may = may
        self._why = why or f"access rule {name!r}"
        self._rights: Rights | None = None

    @property
    def allows_nothing(self) -> bool:
        """Whether it allows no method, whatever there is."""
        return not self._may

    def allowed(self, catalog: Catalog) -> frozenset[str]:
        """The native paths of the methods that it allows."""
        return self._rights_in(catalog).paths

    def names(self, catalog: Catalog) -> Mapping[str, tuple[str, ...]]:
        """What the caller may be told of when he asks for what is not there.

        It is `catalog.names` itself if the rule allows everything.
        """
        return self._rights_in(catalog).names

    def _rights_in(self, catalog: Catalog) -> Rights:
        rights = self._rights
        if rights is None or rights.catalog() is not catalog:
            rights = self._rights = self._compile(catalog)
            if idle := self.idle(catalog):
                log.warning("globs of an access rule match nothing", rule=self.name, globs=idle)
        return rights

    def _compile(self, catalog: Catalog) -> Rights:
        paths = frozenset(
            method.path
            for method, names in names_in(catalog)
            if chosen(names, self._may, ("all", "reads" if method.reads_only else "changes"))
        )
        routes = [path for path, method in catalog.routes.items() if method.path in paths]
        everything = len(routes) == len(catalog.routes)
        names = catalog.names if everything else names_by_service(routes)
        return Rights(ref(catalog), paths, names)

    def check(self, method: Method, catalog: Catalog, subject: str, asked_by: str = "") -> None:
        """Raises GatewayError (PERMISSION_DENIED) if the subject must not call the method.

        `asked_by` is the field of the request that asks for the call, if it is a follow-up.
        """
        if method.path not in self._rights_in(catalog).paths:
            reason = f", which {asked_by!r} asks for" if asked_by else ""
            raise GatewayError(
                Code.PERMISSION_DENIED,
                f"{subject!r} may not call {method.path}{reason} ({self._why})",
            )

    def idle(self, catalog: Catalog) -> tuple[str, ...]:
        """Its globs that name nothing that is served, and so allow nothing."""
        known = [name for _, names in names_in(catalog) for name in names]
        globs = [each for each in self._may if each not in WORDS and not each.startswith("!")]
        return tuple(each for each in globs if not matches(known, (each,)))

    def unmatched(self, catalog: Catalog) -> list[str]:
        """What is wrong with its globs that take away nothing: what they were to is allowed."""
        globs = [each[1:] for each in self._may if each.startswith("!") and each[1:] not in WORDS]
        harmless = (*(skip.service for skip in catalog.skipped), *NEVER_BY_DEFAULT)
        found = unused(f"access rule {self.name!r}", globs, catalog.known, harmless)
        return [str(replace(each, glob=f"!{each.glob}")) for each in found]


class AccessRules:
    """All rules, in order, and what holds for tokens that none of them fits."""

    def __init__(self, settings: Settings) -> None:
        self._whose = [
            (each.who, Rule(each.name, each.may, identity_of(each, settings), tuple(each.who)))
            for each in settings.access
        ]
        self._default = Rule(
            "access_default",
            ("all",) if settings.access_default == "allow" else (),
            settings.identity,
            tuple(dict.fromkeys(name for each in settings.access for name in each.who)),
            "no access rule fits, and access_default is deny",
        )
        self.unreachable = tuple(unreachable(settings.access))
        """What is wrong with rules that can never decide."""

    def __iter__(self) -> Iterator[Rule]:
        """The rules that have a name."""
        return (rule for _, rule in self._whose)

    def unmatched(self, catalog: Catalog) -> tuple[str, ...]:
        """What is wrong with globs that take away nothing that there is."""
        return tuple(line for rule in self for line in rule.unmatched(catalog))

    def rule_for(self, claims: Mapping[str, object]) -> Rule:
        """The first rule that fits the claims of a token. Its `sub` is whoever is calling."""
        return next((rule for who, rule in self._whose if fits(who, claims)), self._default)


def identity_of(rule: AccessRule, settings: Settings) -> Identity:
    """What becomes of the caller's fields. Who is trusted may name others even under `force`."""
    trusted = rule.identity == "trust" and settings.identity == "force"
    return "fill" if trusted else settings.identity


def names_in(catalog: Catalog) -> Iterator[tuple[Method, list[str]]]:
    """Each method with its names and those of its service, the aliases included."""
    names: dict[Method, list[str]] = {}
    for path, method in catalog.routes.items():
        service, _, _ = path[1:].partition("/")
        names.setdefault(method, []).extend((service, path[1:]))
    yield from names.items()


def fits(who: Who, claims: Mapping[str, object], *, top: bool = True) -> bool:
    """Whether the claims have all that a rule asks for."""
    for name, wanted in who.items():
        claim = claims.get(name)
        if isinstance(wanted, Mapping):
            if not isinstance(claim, Mapping) or not fits(wanted, claim, top=False):
                return False
        elif not matches(members(claim, whole=top and name in WHOLE), wanted):
            return False
    return True


def members(claim: object, *, whole: bool = False) -> list[str]:
    """What a claim consists of: the members of a list, the words of a text that is not whole."""
    if isinstance(claim, str):
        return [claim] if whole else claim.split()
    if isinstance(claim, bool):
        return ["true" if claim else "false"]
    if isinstance(claim, int | float):
        return [str(claim)]
    if isinstance(claim, list):
        return [text for each in claim for text in members(each, whole=True)]
    return []


# --- Rules that can never decide ------------------------------------------------------------


def unreachable(rules: Iterable[AccessRule]) -> Iterator[str]:
    """A line for each rule that an earlier one leaves no token."""
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
    """Whether every token that has what `narrow` asks for has what `wide` asks for, too.

    Where that takes more than a look, it is False.
    """
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
    """Whether a glob matches whatever the other one matches.

    Only `*` of the wide one may stand for a wildcard of the other.
    """
    if wide in ("*", narrow):
        return True
    if any(each in wide for each in "?[") and any(each in narrow for each in "*?["):
        return False
    return "[" not in narrow and fnmatchcase(narrow, wide)
