"""The settings of logs."""

from typing import Annotated

from pydantic import AfterValidator

from gateway.core.settings.model import Strict
from gateway.core.settings.types import Words
from gateway.features.logs.roots import root_of


def check_roots(value: tuple[str, ...]) -> tuple[str, ...]:
    """Distinct folders, as Cuebot tells of them."""
    told = [root_of(each).told for each in value]
    for each in told:
        if told.count(each) > 1:
            raise ValueError(f"the same folder twice: {each}")
    return value


class LogSettings(Strict):
    log_roots: Annotated[Words, AfterValidator(check_roots)] = ()
