"""Access rules, with the keys of all features in them."""

from gateway.core.settings.model import Settings
from gateway.features.access.rights import AccessRules
from gateway.features.object_rights.restriction import KEYS

ADDED_KEYS = (KEYS,)


def access_rules(settings: Settings) -> AccessRules:
    """The rules of the settings. Raises ConfigurationError."""
    return AccessRules(settings, ADDED_KEYS)
