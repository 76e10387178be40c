"""Texts that clients search with: regular expressions, and the patterns of a SQL LIKE.

No pattern may keep the farm busy for long, whatever it is and whatever it is searched in.
"""

import re
import warnings

from cuebot_simulator.world.database_errors import violation
from cuebot_simulator.world.failures import Refusal

LONGEST = 500
MOST_TIMES = 255
"""The database knows no larger numbers in `{…}`."""
MOST_LOOSE = 3
SPECIAL = ".^$(|*+?{["
WORDS = {
    "missing )": "parentheses () not balanced",
    "unbalanced parenthesis": "parentheses () not balanced",
    "unterminated character set": "brackets [] not balanced",
    "nothing to repeat": "quantifier operand invalid",
    "multiple repeat": "quantifier operand invalid",
    "min repeat": "invalid repetition count(s)",
    "bad escape": "invalid escape \\ sequence",
    "bad character range": "invalid character range",
}
"""The beginnings of what Python's parser says, and what the database says instead."""
HIDING = re.compile(r"\(\?(?:#|[a-zA-Z]*x)")
"""What lets comments or spaces stand between a part of a pattern and its repeat."""
TOKEN = re.compile(
    r"""
    (?P<repeat> [*+?][?+]? | \{(?:[0-9]+|[0-9]*,[0-9]*)\}[?+]? )
    | (?P<open> \((?:\?(?:[:=!]|<[=!]|P?<\w+>))? )
    | (?P<close> \) )
    | (?P<either> \| )
    | (?P<one>
        \\(?:x[0-9a-fA-F]{2} | u[0-9a-fA-F]{4} | U[0-9a-fA-F]{8} | N\{[^}]*\} | [0-7]{2,3} | .)
        | \[\^?\]?(?:\\.|[^\]\\])*\]
        | .
      )
    """,
    re.VERBOSE | re.DOTALL,
)


def compile_pattern(text: str) -> re.Pattern[str]:
    """A regular expression. Raises Refusal for a broken one, as the database does.

    Of those that the database would take, it refuses what could take very long here.
    """
    if len(text) > LONGEST:
        raise invalid(f"regular expression is longer than {LONGEST} characters")
    if HIDING.search(text):
        raise invalid("comments and the option x are not for this farm")
    check_repeats(text)
    try:
        return compiled(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise invalid(database_words(error)) from None


def invalid(why: str) -> Refusal:
    return violation(f"invalid regular expression: {why}")


def database_words(error: Exception) -> str:
    """What the database says where Python's parser of regular expressions says this."""
    text = str(error)
    return next((words for start, words in WORDS.items() if text.startswith(start)), text)


def check_repeats(text: str) -> None:
    """Raise Refusal for repeats that could be tried in very many ways.

    Those are repeats of what has repeats or choices in it; and many that are loose, which means
    that it is not clear from the next character alone where they end.
    """
    tokens = list(TOKEN.finditer(text))
    choosy, loose = [False], 0
    for index, token in enumerate(tokens):
        kind = token.lastgroup
        if kind == "open":
            choosy.append(False)
        elif kind == "either":
            choosy[-1] = True
            loose = loose if len(choosy) > 1 else 0
        elif kind == "close" and len(choosy) > 1:
            choosy[-2] |= choosy[-1]
            inner = choosy.pop()
            if inner and index + 1 < len(tokens) and is_many(tokens[index + 1]):
                raise invalid("a repeat of what has repeats or choices in it may take too long")
        elif kind == "repeat":
            check_times(token[0])
            choosy[-1] = True
            loose += is_loose(tokens, index)
        if loose > MOST_LOOSE:
            raise invalid("so many repeats next to each other may take too long")


def is_many(token: re.Match[str]) -> bool:
    """Whether a token says that what is before it may come more than once."""
    return token.lastgroup == "repeat" and token[0][0] != "?"


def check_times(repeat: str) -> None:
    """Raise Refusal for too large numbers, as the database does."""
    if any(len(number) > 3 or int(number) > MOST_TIMES for number in re.findall("[0-9]+", repeat)):
        raise invalid("invalid repetition count(s)")


def is_loose(tokens: list[re.Match[str]], index: int) -> bool:
    """Whether a repeat may go on where what follows it begins."""
    following = [token for token in tokens[index + 1 :] if token.lastgroup != "close"]
    if not following:
        return False
    before, after = tokens[index - 1], following[0]
    optional = len(following) > 1 and following[1].lastgroup == "repeat"
    if index == 0 or before.lastgroup != "one" or after[0] in SPECIAL or len(after[0]) > 1:
        return True
    try:
        again = compiled(before[0], re.DOTALL | re.IGNORECASE).match(after[0])
    except re.error:
        return True
    return optional or again is not None


def compiled(text: str, flags: int = 0) -> re.Pattern[str]:
    """As `re.compile`, with no warnings of what may mean something else in future (`[[a]`)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(text, flags)


def like(text: str, pattern: str) -> bool:
    """Whether a SQL LIKE holds for some part of a text: `_` is one character, `%` any number."""
    place = 0
    for piece in filter(None, pattern.split("%")):
        place = find(text, piece, place)
        if place < 0:
            return False
        place += len(piece)
    return True


def find(text: str, piece: str, start: int) -> int:
    """Where a piece is in a text for the first time from there on, or -1. `_` fits anything."""
    if "_" not in piece:
        return text.find(piece, start)
    for place in range(start, len(text) - len(piece) + 1):
        if all(one in ("_", text[place + index]) for index, one in enumerate(piece)):
            return place
    return -1
