"""The settings of rate limits."""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from gateway.core.settings.model import Strict
from gateway.core.settings.types import Duration, parse_json
from gateway.core.suggestions import did_you_mean


def check_rps(value: float) -> float:
    """0, or a rate that refills a bucket within the hour."""
    if 0 < value < 0.001:
        raise ValueError("expected 0 or at least 0.001")
    return value


Rps = Annotated[float, AfterValidator(check_rps), Field(ge=0, le=1e6)]


class RateOverride(Strict):
    """Other limits for some subjects (globs), or for those of some access rules (names)."""

    subjects: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    rps: Rps
    burst: int | None = Field(default=None, ge=1)
    max_wait: Duration = 0.0
    share: float = Field(default=1.0, gt=0, le=1000)

    @model_validator(mode="after")
    def check_whose(self) -> Self:
        if not (self.subjects or self.rules):
            raise ValueError("whose limits? subjects (globs), or rules (names of access rules)")
        if self.rules and self.share != 1.0:
            raise ValueError("share is for subjects; with rules, it would not be known in time")
        return self


CUEWEB = RateOverride(
    subjects=("user-id", "cueweb-status-bar", "cueweb-facility-health"),
    rps=1000,
    max_wait=5.0,
    share=8,
)
"""CueWeb signs the tokens of all its users with these subjects, and drops rows on a 429."""


class RateLimitSettings(Strict):
    rate_limit_rps: Rps = 100
    rate_limit_burst: int | None = Field(default=None, ge=1)
    rate_limit_max_wait: Duration = 0.0
    rate_limit_overrides: Annotated[tuple[RateOverride, ...], BeforeValidator(parse_json)] = (
        CUEWEB,
    )
    state_fail: Literal["open", "closed"] = "open"

    @field_validator("rate_limit_overrides")
    @classmethod
    def check_rules(
        cls, value: tuple[RateOverride, ...], info: ValidationInfo
    ) -> tuple[RateOverride, ...]:
        """The rules of access are read before: later features come first. There may be none."""
        rules = [each.name for each in info.data.get("access", ())]
        for name in [name for each in value for name in each.rules]:
            if name not in rules:
                raise ValueError(f"there is no access rule {name!r}{did_you_mean(name, rules)}")
        return value
