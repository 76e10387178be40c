"""Conditions of access rules (`only`, `see`), over facts about what a call changes or shows.

The language is that of `_where` (`features/views/filter_expressions.py`). Before an operator stands
a fact, behind it a text, or the caller's claim: `user = $sub`, `show in $realm.shows`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.core.suggestions import did_you_mean
from gateway.features.views.filter_expressions import (
    BadCondition,
    Patterns,
    Test,
    Token,
    compile_condition,
    tokens_of,
)

FACTS = ("show", "user", "job", "group", "facility", "allocation", "host")
Facts = Mapping[str, str]
"""What is known of an object; a fact that is not known is not there."""
Claims = Mapping[str, object]


class Evidence(NamedTuple):
    """What a condition is tested on."""

    facts: Facts
    claims: Claims


Texts = Callable[[Claims], tuple[str, ...] | None]
"""The texts that a value stands for; None for a claim that is not there."""


@dataclass(frozen=True, slots=True)
class Condition:
    text: str
    facts: tuple[str, ...]
    test: Test
    confines: tuple[tuple[str, tuple[Texts, ...]], ...] = ()
    """Facts that have to be one of some texts, whatever the rest of the condition says."""
    claims: tuple[Texts, ...] = ()
    """What it reads of a token."""
    needed: frozenset[str] = frozenset()
    """Facts without which the condition never holds."""

    def may_hold(self, known: Collection[str]) -> bool:
        """Whether it can hold of an object of which only these facts are ever known."""
        return not self.needed.difference(known) and any(fact in known for fact in self.facts)

    def holds(self, facts: Facts, claims: Claims) -> bool:
        return self.test(Evidence(facts, claims))

    def said(self, claims: Claims) -> tuple[frozenset[str] | None, ...]:
        """All that it depends on but the facts: with the same, it holds of the same objects."""
        found = (each(claims) for each in self.claims)
        return tuple(None if texts is None else frozenset(texts) for texts in found)


def read_condition(text: str) -> Condition:
    """Raises BadCondition for what is no condition, and for unknown facts."""
    names: dict[str, None] = {}
    confines: list[tuple[str, tuple[Texts, ...]]] = []
    claims: dict[str, Texts] = {}

    def resolve(name: str) -> Fact:
        if name not in FACTS:
            hint = did_you_mean(name, FACTS) or f"; facts are {', '.join(FACTS)}"
            raise LookupError(f"there is no fact {name!r}{hint}")
        names[name] = None
        return Fact(name, confines, claims)

    test = compile_condition(text, resolve, takes_bare_lists=True)
    words = {token.text.lower() for token in tokens_of(text) if token.kind == "word"}
    needed = frozenset(names)
    if not words.isdisjoint(("or", "not")):  # none of the comparisons has to hold
        confines.clear()
        needed = frozenset()
    return Condition(text, tuple(names), test, tuple(confines), (*claims.values(),), needed)


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact, as an operand.

    A comparison with a fact or claim that is not known is false, and so is its opposite.
    """

    name: str
    confines: list[tuple[str, tuple[Texts, ...]]]
    """Filled in with what this fact is compared with."""
    claims: dict[str, Texts]
    """By their paths: filled in with those that this fact is compared with."""

    @property
    def is_flag(self) -> bool:
        return False

    def compare(
        self, operator: str, values: Sequence[Token], patterns: Patterns, *, negated: bool
    ) -> Test:
        name = self.name
        if operator == "~":
            if is_claim(values[0]):
                raise BadCondition(
                    f"{name}: a pattern is written in the rule, not taken from a claim"
                )
            matches = patterns.matching(name, values[0])

            def like(evidence: Evidence) -> bool:
                fact = evidence.facts.get(name)
                return fact is not None and matches(fact) != negated

            return like
        if operator not in ("=", "in", ":"):
            raise BadCondition(f"{name} has no order; compare it with =, !=, in, : or ~")
        wanted = [
            self._of_claim(each.text[1:]) if is_claim(each) else of_text(each.text)
            for each in values
        ]
        if operator != ":" and not negated:
            self.confines.append((name, tuple(wanted)))

        def test(evidence: Evidence) -> bool:
            fact = evidence.facts.get(name)
            if fact is None:
                return False
            found = False
            for each in wanted:
                texts = each(evidence.claims)
                if texts is None:
                    return False
                found = found or any(
                    text in fact if operator == ":" else text == fact for text in texts
                )
            return found != negated

        return test

    def _of_claim(self, path: str) -> Texts:
        """Nothing else reads claims, so that a condition knows all that it depends on."""
        return self.claims.setdefault(path, of_claim(path))


def is_claim(token: Token) -> bool:
    return token.kind == "word" and token.text.startswith("$")


def of_text(text: str) -> Texts:
    return lambda claims: (text,)


def text_of(claim: object) -> object:
    """Numbers are compared as text, as those in `who` are."""
    is_number = isinstance(claim, int | float) and not isinstance(claim, bool)
    return str(claim) if is_number else claim


def of_claim(path: str) -> Texts:
    """The texts of a claim, or of a member of nested claims; None without it."""
    if not all(path.split(".")):
        raise BadCondition("expected a claim's name behind $, such as $sub")

    def texts(claims: Claims) -> tuple[str, ...] | None:
        at: object = claims
        for name in path.split("."):
            at = at.get(name) if isinstance(at, Mapping) else None
        members = [text_of(each) for each in (at if isinstance(at, list) else [at])]
        # An empty text is in every text (`:`); a token without a subject has an empty `sub`.
        found = tuple(each for each in members if isinstance(each, str) and each)
        return found if len(found) == len(members) else None

    return texts
