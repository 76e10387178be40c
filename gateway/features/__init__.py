"""The features, in the order of a request.

Each is a folder, and its two lines here. The order is that of interceptors, of options in query
strings, and of ways of asking for a call where two are asked for. A studio's own are among them.
"""

from typing import Any

from gateway.core.direct_connection import ONCE
from gateway.core.families import FAMILIES
from gateway.core.principal import OWN_READS
from gateway.core.suggestions import NOT_A_FIELD
from gateway.feature import Feature
from gateway.features.access import Access
from gateway.features.access_log import AccessLog
from gateway.features.admission import Admission
from gateway.features.at_most_once import AtMostOnce
from gateway.features.audit import Audit
from gateway.features.batch import Batch
from gateway.features.compression import Compression
from gateway.features.conditional import Conditional
from gateway.features.connect import Connect
from gateway.features.cors import Cors
from gateway.features.dry_run import DryRun
from gateway.features.health import Health
from gateway.features.identity import Identity
from gateway.features.installed import with_installed
from gateway.features.logs import Logs
from gateway.features.metrics import Metrics
from gateway.features.names import Names
from gateway.features.object_rights import ObjectRights
from gateway.features.obstacles import Obstacles
from gateway.features.openapi import Openapi
from gateway.features.pages import Pages
from gateway.features.proxies import Proxies
from gateway.features.rate_limits import RateLimits
from gateway.features.reference import Reference
from gateway.features.shared_reads import SharedReads
from gateway.features.tokens import Tokens
from gateway.features.traces import Traces
from gateway.features.views import Views
from gateway.features.watch import Watch

FEATURES: tuple[type[Feature], ...] = with_installed(
    AccessLog,
    Metrics,
    Traces,
    Proxies,
    Connect,
    Compression,
    Cors,
    Health,
    Tokens,
    RateLimits,
    Admission,
    Identity,
    Access,
    ObjectRights,
    Reference,
    Names,
    Obstacles,
    Audit,
    DryRun,
    Watch,
    Views,
    Conditional,
    AtMostOnce,
    Batch,
    Logs,
    SharedReads,
    Openapi,
    Pages,
)

for _feature in FEATURES:
    NOT_A_FIELD.update(_feature.not_a_field)
    for _family in _feature.families:
        FAMILIES.setdefault(_family.name, _family)
    OWN_READS.update(_feature.reads)
    ONCE.update(name.lower().encode() for name in _feature.headers.once)


def extensions_of(feature: type) -> tuple[Any, ...]:
    """What features add to one that they need, in their order."""
    return tuple(each.extends[feature] for each in FEATURES if feature in each.extends)
