"""The JSON names of fields, beside protobuf's own."""

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.codec.fields import json_name


def protobufs_own(name: str) -> str:
    file = FileDescriptorProto(name="a.proto", syntax="proto3")
    field = file.message_type.add(name="A").field.add(name=name, number=1, label=1)
    field.type = FieldDescriptorProto.TYPE_INT32
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    found: str = pool.FindMessageTypeByName("A").fields[0].json_name
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("min_cores", "minCores"), ("minCores", "minCores"), ("a__b", "aB"), ("a_", "a")),
        *(("_a", "A"), ("a_1b", "a1b"), ("A_B", "AB"), ("x2_y", "x2Y"), ("aB_cD", "aBCD")),
        *(("_", ""), ("__", "")),
    ],
)
def test_underscores_go_and_make_the_next_letter_a_capital(name: str, expected: str) -> None:
    assert json_name(name) == protobufs_own(name) == expected


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}|a[ab_Z9]{1,8}", fullmatch=True))
def test_any_json_name_is_protobufs(name: str) -> None:
    assert json_name(name) == protobufs_own(name)
