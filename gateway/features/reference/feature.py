"""What OpenCue's reference documents, where Cuebot has other names or needs other calls for it."""

from typing import ClassVar

from gateway.core.profile.documents import Documents
from gateway.feature import Feature
from gateway.features.reference.documents import OpencueDocuments
from gateway.features.reference.profile import ReferenceTables


class Reference(Feature):
    name = "reference"
    tables = ReferenceTables
    documents: ClassVar[type[Documents]] = OpencueDocuments
