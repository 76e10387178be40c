"""`_where`: conditions on rows, in a small language.

    condition:  term, or several joined by `or`
    term:       factor, or several joined by `and`
    factor:     `not` factor | `(` condition `)` | comparison
    comparison: path operator value | path `in` `(` value, … `)` | path (of a true or false)
    operator:   `=` `!=` `<` `<=` `>` `>=`, `:` (contains), `~` (matches a pattern)
    value:      a word, a number, or a text in single or double quotes

On the right of a number or a time, a word may also be a size, a duration, a time (`now-1h`) or
another field; beside anything else, a field has a dot in front (`user=.group`).

`and` binds more tightly than `or`, `not` more tightly than both.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from gateway.core.calls.query import refused
from gateway.core.errors import GatewayError
from gateway.core.suggestions import QUOTED_CHARS

LONGEST_CONDITION = 4096
"""Characters."""
MOST_COMPARISONS = 64
MOST_PATTERNS = 8
MOST_INSTRUCTIONS = 2000
"""Of RE2's program for a pattern: each may take 2 ns for each byte of a text."""
MOST_CLASSES = 8
"""Unicode classes in all patterns: to parse one takes 0.2 ms."""
PATTERN_MEMORY = 2**18
"""Bytes of a pattern's program and of RE2's matching. RE2 refuses larger programs within 1 ms."""
MOST_WORK = 2_000_000
"""Instructions times bytes of text for one row, 4 to 14 ms: a match cannot be interrupted."""
UNICODE_CLASS = re.compile(r"\\[pP]")
TOO_LARGE = "pattern too large"
"""RE2's error for a program that does not fit into its memory."""
MOST_NESTED = 32
TOKEN = re.compile(
    r"""\s*(?:
      (?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | (?P<operator><=|>=|!=|[=<>:~])
    | (?P<mark>[(),])
    | (?P<word>now\s*[+-]\s*[0-9]+[smhdw](?=[\s()=<>!:~,'"]|$)|[^\s()=<>!:~,'"]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
ESCAPED = re.compile(r"\\(.)", re.DOTALL)

Test = Callable[[Any], bool]
"""Whether a row fits."""
Resolve = Callable[[str], "Operand"]
"""What a name stands for. Raises LookupError with the problem."""
Fits = Callable[[Any], bool]
"""Whether a value fits."""


class Token(NamedTuple):
    """A word of the language, and its position (for errors, from 1)."""

    kind: str
    text: str
    at: int


class BadCondition(Exception):
    """The condition is wrong. The text says where, and what was expected."""


class Operand(Protocol):
    """What stands before an operator: a field of a row, or a fact."""

    @property
    def is_flag(self) -> bool:
        """Whether it is true or false, and so a comparison by itself."""

    def compare(
        self, operator: str, values: Sequence[Token], patterns: "Patterns", *, negated: bool
    ) -> Test:
        """The test of a comparison, or of its opposite. Raises BadCondition.

        `values` are one, or with `in` several.
        """


@dataclass(slots=True)
class Patterns:
    """The patterns of one condition, and their work for the current row."""

    count: int = 0
    classes: int = 0
    work: int = 0

    def matching(self, name: str, token: Token) -> Fits:
        """Whether a text matches an RE2 pattern, in time linear in the text and the program.

        Raises BadCondition; the function raises GatewayError for texts that are too long.
        """
        self.count += 1
        self.classes += len(UNICODE_CLASS.findall(token.text))
        if self.count > MOST_PATTERNS:
            raise BadCondition(f"more than {MOST_PATTERNS} patterns")
        if self.classes > MOST_CLASSES:
            raise BadCondition(f"more than {MOST_CLASSES} classes of Unicode (\\p) in patterns")
        search, size = compiled(name, token)

        def fits(found: str) -> bool:
            length = len(found) if found.isascii() else len(found.encode())
            self.work += length * size
            if self.work > MOST_WORK:
                raise too_much_work(name, length, size)
            return search(found) is not None

        return fits

    def for_each_row(self, test: Test) -> Test:
        if not self.count:
            return test

        def test_row(row: Any) -> bool:
            self.work = 0
            return test(row)

        return test_row


@dataclass(slots=True)
class Parser:
    tokens: Sequence[Token]
    resolve: Resolve
    takes_bare_lists: bool = False
    """Whether `in` may stand before one word that begins with `$`."""
    next: int = 0
    comparisons: int = 0
    patterns: Patterns = field(default_factory=Patterns)

    def peek(self) -> Token:
        return self.tokens[self.next]

    def take(self) -> Token:
        token = self.tokens[self.next]
        self.next += 1
        return token

    def takes_word(self, word: str) -> bool:
        token = self.peek()
        found = token.kind == "word" and token.text.lower() == word
        self.next += found
        return found

    def takes_mark(self, mark: str) -> bool:
        token = self.peek()
        found = token.kind == "mark" and token.text == mark
        self.next += found
        return found

    def condition(self, depth: int = 0, *, negated: bool = False) -> Test:
        """The test of a condition, or of its opposite: `not` is passed on to the comparisons."""
        if depth > MOST_NESTED:
            raise BadCondition(f"nested more than {MOST_NESTED} deep")
        tests = [self.term(depth, negated=negated)]
        while self.takes_word("or"):
            tests.append(self.term(depth, negated=negated))
        return joined(tests, every=negated)

    def term(self, depth: int, *, negated: bool) -> Test:
        tests = [self.factor(depth, negated=negated)]
        while self.takes_word("and"):
            tests.append(self.factor(depth, negated=negated))
        return joined(tests, every=not negated)

    def factor(self, depth: int, *, negated: bool) -> Test:
        if depth > MOST_NESTED:
            raise BadCondition(f"nested more than {MOST_NESTED} deep")
        if self.takes_word("not"):
            return self.factor(depth + 1, negated=not negated)
        if self.takes_mark("("):
            test = self.condition(depth + 1, negated=negated)
            self.expect(")")
            return test
        return self.comparison(negated=negated)

    def comparison(self, *, negated: bool) -> Test:
        self.comparisons += 1
        if self.comparisons > MOST_COMPARISONS:
            raise BadCondition(f"more than {MOST_COMPARISONS} comparisons")
        token = self.take()
        if token.kind not in ("word", "quoted"):
            raise expected("a field", token)
        try:
            operand = self.resolve(token.text)
        except LookupError as error:
            raise BadCondition(str(error)) from None
        if self.takes_word("in"):
            return operand.compare("in", self.values(), self.patterns, negated=negated)
        if operand.is_flag and self.peek().kind != "operator":
            is_true = Token("word", "true", token.at)
            return operand.compare("=", (is_true,), self.patterns, negated=negated)
        operator = self.take()
        if operator.kind != "operator":
            raise expected("= != < <= > >= : ~ or in", operator)
        name, negated = operator.text, negated != (operator.text == "!=")
        name = "=" if name == "!=" else name
        return operand.compare(name, (self.value(),), self.patterns, negated=negated)

    def value(self) -> Token:
        token = self.take()
        if token.kind == "operator" and token.text == "=":
            raise BadCondition(f"equality is =, not == (at {token.at})")
        if token.kind not in ("word", "quoted"):
            raise expected("a value", token)
        return token

    def values(self) -> list[Token]:
        if self.takes_bare_lists and self.peek().text.startswith("$"):
            return [self.value()]
        self.expect("(")
        found = [self.value()]
        while not self.takes_mark(")"):
            self.expect(",")
            found.append(self.value())
        return found

    def expect(self, mark: str) -> None:
        if not self.takes_mark(mark):
            raise expected(f"`{mark}`", self.peek())


def joined(tests: Sequence[Test], *, every: bool) -> Test:
    if len(tests) == 1:
        return tests[0]
    if every:
        return lambda row: all(test(row) for test in tests)
    return lambda row: any(test(row) for test in tests)


def compile_condition(text: str, resolve: Resolve, *, takes_bare_lists: bool = False) -> Test:
    """The test for a condition. Raises BadCondition."""
    if len(text) > LONGEST_CONDITION:
        raise BadCondition(f"longer than {LONGEST_CONDITION} characters")
    parser = Parser(tokens_of(text), resolve, takes_bare_lists)
    test = parser.condition()
    if parser.peek().kind != "end":
        raise expected("and, or, or the end", parser.peek())
    return parser.patterns.for_each_row(test)


def tokens_of(text: str) -> list[Token]:
    found: list[Token] = []
    position = 0
    while text[position:].strip():
        match = TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            at = position + len(text[position:]) - len(text[position:].lstrip())
            raise BadCondition(f"cannot read {text[at : at + 20]!r} at {at + 1}")
        kind, word = match.lastgroup, match[match.lastgroup]
        if kind == "quoted":
            word = ESCAPED.sub(r"\1", word[1:-1])
        found.append(Token(kind, word, match.start(match.lastgroup) + 1))
        position = match.end()
    found.append(Token("end", "the end", len(text) + 1))
    return found


def expected(what: str, token: Token) -> BadCondition:
    found = token.text if token.kind == "end" else repr(token.text[:QUOTED_CHARS])
    return BadCondition(f"expected {what} at {token.at}, found {found}")


def compiled(name: str, token: Token) -> tuple[Callable[[str], object], int]:
    """The search for a pattern, and its program's size in instructions. Raises BadCondition."""
    try:
        import re2
    except ImportError:
        raise BadCondition("~ needs the package google-re2 on the gateway") from None
    options = re2.Options()
    options.max_mem = PATTERN_MEMORY
    options.log_errors = False
    options.never_capture = True
    shown = f"{name}~{token.text[:QUOTED_CHARS]!r} at {token.at}"
    try:
        pattern = re2.compile(token.text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        if reason.startswith(TOO_LARGE):
            raise too_large(shown) from None
        raise BadCondition(f"{shown} is no pattern of RE2: {reason}") from None
    finally:
        re2.purge()  # its cache would keep 128 patterns of any size
    if pattern.programsize > MOST_INSTRUCTIONS:
        raise too_large(shown, f", and this has {pattern.programsize:,}")
    return pattern.search, pattern.programsize


def too_large(shown: str, has: str = "") -> BadCondition:
    return BadCondition(
        f"{shown} is too large: a pattern may have {MOST_INSTRUCTIONS:,} instructions of RE2{has};"
        " repeat less of it, or fewer times"
    )


def too_much_work(name: str, length: int, size: int) -> GatewayError:
    return refused(
        "_where",
        f"a row has {length:,} bytes in {name}, too many for its patterns"
        f" (the last has {size:,} instructions of RE2); use shorter patterns",
    )
