"""What ETags of different versions of the gateway, of the schema and of the profile differ by."""

from dataclasses import dataclass
from hashlib import blake2b

from gateway import __version__
from gateway.core.profile.draft import Draft
from gateway.core.schema.catalog import Catalog


@dataclass(frozen=True, slots=True)
class AnswersVersion:
    """An aspect of the whole catalog: with another `digest`, the same answer of Cuebot may look
    different.
    """

    digest: bytes

    @staticmethod
    def of(catalog: Catalog) -> "AnswersVersion":
        found: AnswersVersion = catalog.aspects[AnswersVersion]
        return found


def compile_version(draft: Draft) -> None:
    schema, profile = draft.schema, draft.profile
    parts = (__version__, schema.digest, profile.model_dump_json(exclude={*profile.companions}))
    digest = blake2b("\n".join(parts).encode(), digest_size=16).digest()
    draft.whole[AnswersVersion] = AnswersVersion(digest)
