"""Times on the command line: `30s`, `500ms`, `2m`."""

import re
from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d|)", re.ASCII)
DAY = 86400.0
UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": DAY}


def time_option(*names: str, least: float = 0.1, most: float = DAY, **more: Any) -> Decorator:
    """An option for a time (`30s`, `500ms`, `2m`) within these limits, in seconds."""

    def parse(
        context: click.Context, parameter: click.Parameter, value: str | None
    ) -> float | None:
        if value is None:
            return None
        found = DURATION.fullmatch(value.strip())
        if found is None:
            problem = "expected a duration such as 30s, 500ms or 2m"
            raise click.BadParameter(problem, context, parameter)
        time = float(found[1]) * UNIT_SECONDS[found[2]]
        if time < least:
            raise click.BadParameter(f"must be at least {least:g} s", context, parameter)
        if time > most:
            raise click.BadParameter(f"must be at most {most:g} s", context, parameter)
        return time

    return click.option(*names, metavar="TIME", callback=parse, **more)
