"""The settings, with those of all features."""

from collections.abc import Mapping

from gateway.core.errors import ConfigurationError
from gateway.core.settings import loading
from gateway.core.settings.model import Settings as CoreSettings
from gateway.core.settings.model import Strict
from gateway.feature import Feature
from gateway.features import FEATURES, extensions_of
from gateway.features.installed import check_usable

SECTIONS = {
    each: section for each in FEATURES if (section := each.section(extensions_of(each))) is not None
}


class Settings(*SECTIONS.values(), CoreSettings):  # type: ignore[misc]  # mypy wants names
    """The settings of the core, and those of each feature: from the last one to the first, which is
    the order in which they are validated.
    """


def there(given: Mapping[str, object]) -> dict[str, object]:
    """Those settings whose features are there."""
    return {name: value for name, value in given.items() if name in Settings.model_fields}


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of this environment, and of the file that it names. Raises ConfigurationError,
    with a line for each problem.
    """
    check_usable(FEATURES)
    check_names(SECTIONS)
    return loading.load_settings(environ, Settings)


def check_names(sections: Mapping[type[Feature], type[Strict]]) -> None:
    """Raises ConfigurationError, a line for each setting of a studio's feature that another one has
    already.
    """
    known = dict.fromkeys(CoreSettings.model_fields, "the gateway")
    problems = []
    for feature, section in sections.items():
        for name in section.model_fields:
            if name in known:
                problem = (
                    f"the feature {feature.name!r} has the setting {name}, as {known[name]} has"
                )
                problems.append(problem)
            known[name] = feature.name
    if problems:
        raise ConfigurationError(*problems)


def misspelled(environ: Mapping[str, str]) -> list[str]:
    """A warning for each unknown variable whose name is close to a setting's."""
    return loading.misspelled(environ, Settings)
