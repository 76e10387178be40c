"""What holds rows back: the first cause of a verb that facts about a row bear out."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson

from cuectl.client.gateway import GatewayClient
from cuectl.errors import CallError
from cuectl.many import outcomes
from cuectl.requests import put, quoted
from cuectl.rows import INTEGER, Column, Row, cell_of, paths_of, rows_at, value_at
from cuectl.session import Verb

REFERENCE = re.compile(r"\{([^{}]*)\}")
OWN = ""
"""In the place of a fact: the verb's row itself."""

Subject = Mapping[str, Row]
"""What a fact is about: a row of the verb (`OWN`), perhaps with one of another fact."""
Found = Mapping[str, Sequence[tuple[Subject, Sequence[Row]]]]
"""The rows of a fact for each of its subjects, by names of rows about which it is known."""


class Unknown(Exception):
    """A value is unknown: Cuebot does not have it, or the token may not read it."""


async def causes_of(
    client: GatewayClient, verb: Verb, rows: Mapping[str, Row], timeout: float | None
) -> dict[str, str]:
    """What holds each of the named rows back, as far as that can be known."""
    facts = Facts(client, verb.get("facts", {}), rows, timeout)
    told, left, sure = dict[str, str](), {*rows}, {*rows}
    for cause in verb["causes"]:
        fits: dict[str, Subject] = {name: {OWN: rows[name]} for name in sure}
        if fact := cause.get("any") or cause.get("none"):
            found = await facts.about(fact)
            sure &= found.keys()
            fits = {
                name: {**subject, fact: fitting[0]} if fitting else subject
                for name, each in found.items()
                for subject, fitting in each
                if bool(fitting) == ("any" in cause)
            }
        for name in left & fits.keys():
            left.remove(name)
            with suppress(Unknown):
                told[name] = await facts.text(cause["says"], name, fits[name])
        if not left:
            break
    return told


class Facts:
    """Facts about named rows. What is the same for several of them is asked once."""

    def __init__(
        self,
        client: GatewayClient,
        facts: Mapping[str, Verb],
        rows: Mapping[str, Row],
        timeout: float | None,
    ) -> None:
        self._client = client
        self._facts = facts
        self._timeout = timeout
        self._found: dict[str, Found] = {OWN: {name: [({}, [row])] for name, row in rows.items()}}

    async def about(self, fact: str) -> Found:
        if fact not in self._found:
            if fact in self._facts:
                await self._ask(self._facts[fact])
            self._found.setdefault(fact, {})
        return self._found[fact]

    async def text(self, says: str, name: str, subject: Subject) -> str:
        """With values as people read them in the places of references. Raises Unknown."""
        for reference in REFERENCE.findall(says):
            await self.about(reference.partition(".")[0])

        def shown(reference: str) -> str:
            column, rows = self._referred(reference, name, subject)
            return ",".join(cell_of(row, column, {}, raw=False).text for row in rows)

        return replaced(says, shown)

    def _needs(self, fact: Verb) -> set[str]:
        """The facts with whose rows it is asked for."""
        named = {each.partition(".")[0] for each in REFERENCE.findall(fact.get("where", ""))}
        return {fact.get("of", OWN), *(named & self._facts.keys())}

    async def _ask(self, fact: Verb) -> None:
        """Ask the gateway, with all else that the same read can tell by now: Cuebot is then asked
        once.
        """
        for needed in self._needs(fact):
            await self.about(needed)
        asked = {
            name: self._questions(each)
            for name, each in self._facts.items()
            if each["method"] == fact["method"]
            and name not in self._found
            and self._needs(each) <= self._found.keys()
        }
        keys = {key for found in asked.values() for each in found.values() for _, key in each}
        questions = {key: orjson.loads(key) for key in keys}
        known = dict[str, list[Row]]()
        with suppress(CallError):  # rows have a reason without it
            answers = await outcomes(
                self._client,
                fact["method"],
                [(key, body) for key, (body, _) in questions.items()],
                self._timeout,
                views={key: view for key, (_, view) in questions.items()},
            )
            for key, answer in answers.items():
                if not isinstance(answer, CallError):
                    rows = distinct(rows_at(answer.answer, fact.get("rows")))
                    if rows or not (answer.filtered or answer.cut_at):
                        known[key] = rows
        for name, found in asked.items():
            self._found[name] = {
                row: [(subject, known[key]) for subject, key in each]
                for row, each in found.items()
                if all(key in known for _, key in each)
            }

    def _questions(self, fact: Verb) -> dict[str, list[tuple[Subject, str]]]:
        """About each of its subjects, by names of rows about which it can be asked."""
        of, found = fact.get("of", OWN), dict[str, list[tuple[Subject, str]]]()
        for name, each in self._found[of].items():
            subjects = [{**subject, of: row} for subject, rows in each for row in rows]
            with suppress(Unknown):
                found[name] = [(one, self._question(fact, name, one)) for one in subjects]
        return found

    def _question(self, fact: Verb, name: str, subject: Subject) -> str:
        """A request and a view, as JSON. Raises Unknown."""

        def literals(reference: str) -> str:
            column, rows = self._referred(reference, name, subject)
            values = [value_at(row, column["path"]) for row in rows]
            every = [one for each in values for one in (each if isinstance(each, list) else [each])]
            return ",".join(map(literal, every or [""]))

        body: dict[str, Any] = {}
        for place, path in fact.get("given", {}).items():
            put(body, place, value_at(subject[OWN], path))
        fields = ",".join(paths_of(fact.get("columns", ())))
        view = {"_fields": fields} if fields else {"_limit": "1"}  # just whether there is one
        if where := fact.get("where"):
            view["_where"] = replaced(where, literals)
        return orjson.dumps([body, view]).decode()

    def _referred(
        self, reference: str, name: str, subject: Subject
    ) -> tuple[Column, Sequence[Row]]:
        """The column of a reference, and the rows with its values: one, or all of another fact.
        Raises Unknown.
        """
        fact, _, path = reference.partition(".")
        if fact not in self._facts and value_at(subject[OWN], reference) is not None:
            return {"path": reference}, [subject[OWN]]
        columns = {each["path"]: each for each in self._facts.get(fact, {}).get("columns", ())}
        if path not in columns or name not in self._found[fact]:
            raise Unknown
        own = [subject[fact]] if fact in subject else None
        return columns[path], own or [row for _, rows in self._found[fact][name] for row in rows]


def replaced(text: str, value: Callable[[str], str]) -> str:
    """The text with values in the places of references."""
    return REFERENCE.sub(lambda found: value(found[1]), text)


def literal(value: object) -> str:
    if not isinstance(value, str):
        return orjson.dumps(value).decode()
    return value if INTEGER.fullmatch(value) else quoted(value)  # of 64 bits: a unit may follow


def distinct(rows: Sequence[Row]) -> list[Row]:
    return [*{orjson.dumps(row): row for row in rows}.values()]
