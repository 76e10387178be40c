"""Access rules, with the keys of all features in them."""

from gateway.core.settings.model import Settings
from gateway.features import extensions_of
from gateway.features.access import Access
from gateway.features.access.rights import AccessRules


def access_rules(settings: Settings) -> AccessRules:
    """The rules of the settings. Raises ConfigurationError."""
    return AccessRules(settings, extensions_of(Access))
