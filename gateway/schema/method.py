"""One method that can be called, with its codecs."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from gateway.codec.decode import Decode, Decoders
from gateway.codec.encode import Encode, Encoders
from gateway.codec.rewrite import Rewrite

if TYPE_CHECKING:
    from gateway.compat.resolve import Steps

READ_PREFIXES = ("Get", "Find", "Is")


@dataclass(frozen=True, eq=False)
class Method:
    """One native method, whatever aliases lead to it."""

    path: str
    """`/job.JobInterface/GetJobs`, as on the wire of gRPC."""
    descriptor: MethodDescriptor
    encoders: Encoders = field(repr=False)
    decoders: Decoders = field(repr=False)
    rewrites: tuple[Rewrite, ...] = ()
    """What requests may call otherwise than Cuebot does, or leave out."""
    steps: "Steps | None" = None
    """What surrounds a call, if the request asks for it."""

    @cached_property
    def decode(self) -> Decode:
        """JSON body to request bytes."""
        return self.decoders.decoder(self.descriptor.input_type, self.rewrites)

    @cached_property
    def encode(self) -> Encode:
        """Answer bytes to JSON."""
        return self.encoders.encoder(self.descriptor.output_type)

    @cached_property
    def reads_only(self) -> bool:
        """Whether calling it changes nothing, by its own word or else by its name."""
        options = self.descriptor.GetOptions()
        if options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS:
            return True
        return any(
            self.descriptor.name == prefix
            or (
                self.descriptor.name.startswith(prefix)
                and self.descriptor.name[len(prefix)].isupper()
            )
            for prefix in READ_PREFIXES
        )

    @cached_property
    def streams(self) -> bool:
        return bool(self.descriptor.client_streaming or self.descriptor.server_streaming)

    @property
    def service(self) -> str:
        """The full name of its service."""
        name: str = self.descriptor.containing_service.full_name
        return name


def path_of(method: MethodDescriptor) -> str:
    """The method's path on the wire of gRPC."""
    return f"/{method.containing_service.full_name}/{method.name}"
