"""The methods of a catalog or of a gateway, as they are searched for by words."""

from gateway.core.schema.catalog import Catalog
from gateway.core.schema.method_search import Described
from gateway_client.openapi_document import Document


def methods_of(source: Catalog | Document) -> list[Described]:
    if isinstance(source, Document):
        return [
            Described(each.path, each.summary, each.reads_only, each.aliases)
            for each in source.methods
        ]
    others: dict[str, list[str]] = {}
    for path, method in source.routes.items():
        others.setdefault(method.path, []).append(path)
    return [
        Described(path, source.routes[path].summary, source.routes[path].reads_only, tuple(paths))
        for path, paths in others.items()
    ]
