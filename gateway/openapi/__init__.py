"""The catalog as an OpenAPI document."""
