"""A schema that is not OpenCue's, and the profile of eight lines that makes it a farm."""

from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from gateway.core.discovery.files import ProtoDirectory

PROTO = """\
syntax = "proto3";
package farm;

message Pool {
  string id = 1;
  string pool_name = 2;
  int32 size = 3;
}
message Wanted { repeated string names = 1; Pool pool = 2; }
message Pools { repeated Pool pools = 1; }

service PoolInterface {
  rpc List(Wanted) returns (Pools) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Find(Wanted) returns (Pool) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Drain(Wanted) returns (Pools);
}
"""
PROFILE = """\
panels.destroys = ["*/Drain"]
[panels.panels.pools]
method = "farm.PoolInterface/List"
leads = [{ panel = "a-pool", with."names[]" = "poolName" }]
[panels.panels.a-pool]
method = "farm.PoolInterface/List"
given = ["names[]"]
actions = [{ title = "Drain", method = "farm.PoolInterface/Drain", with."names[]" = "poolName" }]
"""


def foreign_files(folder: Path) -> tuple[FileDescriptorProto, ...]:
    """The descriptors, of protos that are written there."""
    (folder / "farm.proto").write_text(PROTO, encoding="utf-8")
    return ProtoDirectory(folder).read().files
