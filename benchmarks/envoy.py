"""Envoy, configured to do the same: transcode with the same descriptors, check the same tokens."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from gateway.core.schema.description import Schema
from gateway_cli.commands.snapshot import file_set

LARGEST_ANSWER = 64 * 1024 * 1024
ACCESS_FIELDS = {
    "timestamp": "%START_TIME%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "subject": "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:claims:sub)%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "rpc": "%REQ(:PATH)%",
    "status": "%RESPONSE_CODE%",
    "code": "%GRPC_STATUS%",
    "ms": "%DURATION%",
    "bytes": "%BYTES_SENT%",
}
"""The fields of this gateway's access line."""


def descriptor_set(schema: Schema) -> bytes:
    """A FileDescriptorSet in which no file comes before one that it imports.

    Envoy builds the files in the order in which they come; any order will do for the gateway.
    """
    files = {file.name: file for file in FileDescriptorSet.FromString(file_set(schema)).file}
    ordered: dict[str, FileDescriptorProto] = {}

    def add(name: str) -> None:
        if name in files and name not in ordered:
            for imported in files[name].dependency:
                add(imported)
            ordered[name] = files[name]

    for name in files:
        add(name)
    return FileDescriptorSet(file=ordered.values()).SerializeToString()


def envoy_config(
    *,
    port: int,
    upstream_port: int,
    descriptors: Path,
    services: tuple[str, ...],
    secret: bytes,
    access_log: Path | None = None,
) -> bytes:
    """The bootstrap configuration, as JSON; `access_log` is the file of the access lines."""
    manager: dict[str, Any] = {
        "@type": type_url("filters.network.http_connection_manager", "HttpConnectionManager"),
        "stat_prefix": "bench",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "cuebot",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"prefix": "/"},
                            "route": {"cluster": "cuebot", "timeout": "60s"},
                        }
                    ],
                }
            ]
        },
        "http_filters": [
            http_filter("jwt_authn", "JwtAuthentication", jwt_authn(secret)),
            http_filter(
                "grpc_json_transcoder", "GrpcJsonTranscoder", transcoder(descriptors, services)
            ),
            http_filter("router", "Router", {}),
        ],
    }
    if access_log is not None:
        manager["access_log"] = [
            {
                "name": "envoy.access_loggers.file",
                "typed_config": {
                    "@type": type_url("access_loggers.file", "FileAccessLog"),
                    "path": str(access_log),
                    "log_format": {"json_format": ACCESS_FIELDS},
                },
            }
        ]
    return orjson.dumps(
        {
            "static_resources": {
                "listeners": [
                    {
                        "address": socket_address(port),
                        # A unary answer is transcoded when all of it is there.
                        "per_connection_buffer_limit_bytes": LARGEST_ANSWER,
                        "filter_chains": [
                            {
                                "filters": [
                                    {
                                        "name": "envoy.filters.network.http_connection_manager",
                                        "typed_config": manager,
                                    }
                                ]
                            }
                        ],
                    }
                ],
                "clusters": [cluster(upstream_port)],
            }
        }
    )


def transcoder(descriptors: Path, services: tuple[str, ...]) -> Mapping[str, Any]:
    """`auto_mapping` serves the paths that this gateway serves."""
    return {
        "proto_descriptor": str(descriptors),
        "services": list(services),
        "auto_mapping": True,
        "convert_grpc_status": True,
        "print_options": {"always_print_primitive_fields": True},
        "request_validation_options": {"reject_unknown_method": True},
        "ignore_unknown_query_parameters": True,  # views: its clients get everything
        "max_request_body_size": LARGEST_ANSWER,
        "max_response_body_size": LARGEST_ANSWER,
    }


def jwt_authn(secret: bytes) -> Mapping[str, Any]:
    """HS256 tokens, verified once and then cached, as in this gateway."""
    key = {"kty": "oct", "alg": "HS256", "k": urlsafe_b64encode(secret).rstrip(b"=").decode()}
    return {
        "providers": {
            "tokens": {
                "local_jwks": {"inline_string": orjson.dumps({"keys": [key]}).decode()},
                "require_expiration": True,
                "payload_in_metadata": "claims",
                "jwt_cache_config": {"jwt_cache_size": 100},
            }
        },
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "tokens"}}],
    }


def cluster(port: int) -> Mapping[str, Any]:
    """The upstream, over HTTP/2 without TLS."""
    return {
        "name": "cuebot",
        "type": "STATIC",
        "connect_timeout": "5s",
        "per_connection_buffer_limit_bytes": LARGEST_ANSWER,
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": type_url("upstreams.http", "HttpProtocolOptions"),
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": "cuebot",
            "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": socket_address(port)}}]},
            ],
        },
        "circuit_breakers": {
            "thresholds": [{"max_requests": 1024, "max_pending_requests": 1024}],
        },
    }


def http_filter(name: str, kind: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": {"@type": type_url(f"filters.http.{name}", kind), **config},
    }


def type_url(package: str, kind: str) -> str:
    """The type of an extension's configuration."""
    return f"type.googleapis.com/envoy.extensions.{package}.v3.{kind}"


def socket_address(port: int) -> Mapping[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
