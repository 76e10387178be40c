"""What is written behind a verb or an option: a name, a number, one of several texts."""

import re
from contextlib import suppress

import click
from click.shell_completion import CompletionItem

from cuectl.session import Session, Verb

NUMBERS = {"integer": (int, "an integer"), "number": (float, "a number")}


class Given(click.types.StringParamType):
    """A text, which is checked as far as the gateway's document says what it may be."""

    def __init__(self, session: Session, about: Verb) -> None:
        self._session = session
        self._about = about

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises BadParameter. Values of enums may be in any case."""
        text = value.strip()
        if not text:  # of a variable that is not set, in a script
            self.fail("it is empty", param, ctx)
        if values := self._about.get("values"):
            return self._one_of(values, text, param, ctx)
        if number := NUMBERS.get(self._about.get("type", "")):
            kind, called = number
            with suppress(ValueError):
                kind(text)
                return text
            self.fail(f"{text!r} is not {called}{self._example()}", param, ctx)
        pattern = self._about.get("pattern")
        splits = self._about.get("splits")
        if splits and re.fullmatch(splits, text, re.ASCII):
            return text
        if pattern and not re.fullmatch(pattern, text, re.ASCII):
            self.fail(f"{text!r} does not fit{self._example()}", param, ctx)
        return value

    def _one_of(
        self,
        values: list[str],
        text: str,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        from cuectl.suggestions import did_you_mean

        found = {each.lower(): each for each in values}.get(text.lower())
        if found is None:
            near = did_you_mean(text, values) or f"; it is one of {', '.join(values)}"
            self.fail(f"there is no {text!r}{near}", param, ctx)
        return found

    def _example(self) -> str:
        example = self._about.get("example")
        return f"; write it like {example}" if example else ""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from cuectl.completion import fitting, names_for

        values = self._about.get("values")
        if values is None:
            values = names_for(self._session, self._about.get("names", ""))
        return fitting(values, incomplete)
