"""The catalog as an OpenAPI document."""

from gateway.feature import Feature


class Openapi(Feature):
    name = "openapi"
