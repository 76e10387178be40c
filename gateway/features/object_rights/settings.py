"""The keys of access rules that are about objects."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, model_validator

from gateway.core.settings.model import Strict
from gateway.features.access.settings import check_may


class ObjectKeys(Strict):
    mistaken: ClassVar[Mapping[str, str]] = {"where": "only"}

    only: str | None = None
    see: str | None = None
    always: Annotated[tuple[str, ...], AfterValidator(check_may)] = ()

    @model_validator(mode="after")
    def check_always(self) -> Self:
        if self.always and self.only is None and self.see is None:
            raise ValueError("always is for rules with only or see: without, may alone decides")
        return self
