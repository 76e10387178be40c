"""The settings, with those of all features."""

from collections.abc import Mapping

from pydantic import ValidationInfo, field_validator

from gateway.core.settings import loading
from gateway.core.settings.model import RateOverride
from gateway.core.settings.model import Settings as CoreSettings
from gateway.core.suggestions import did_you_mean
from gateway.features import FEATURES, extensions_of
from gateway.features.installed import check_usable

SECTIONS = tuple(
    section for each in FEATURES if (section := each.section(extensions_of(each))) is not None
)


class Settings(CoreSettings, *SECTIONS):  # type: ignore[misc]  # mypy wants names
    """The settings of the core, and those of each feature."""

    @field_validator("rate_limit_overrides")
    @classmethod
    def check_rules(
        cls, value: tuple[RateOverride, ...], info: ValidationInfo
    ) -> tuple[RateOverride, ...]:
        rules = [each.name for each in info.data.get("access", ())]
        for name in [name for each in value for name in each.rules]:
            if name not in rules:
                raise ValueError(f"there is no access rule {name!r}{did_you_mean(name, rules)}")
        return value


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of this environment, and of the file that it names. Raises ConfigurationError,
    with a line for each problem.
    """
    check_usable(FEATURES)
    return loading.load_settings(environ, Settings)


def misspelled(environ: Mapping[str, str]) -> list[str]:
    """A warning for each unknown variable whose name is close to a setting's."""
    return loading.misspelled(environ, Settings)
