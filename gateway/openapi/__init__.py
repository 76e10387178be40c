"""The catalog as an OpenAPI document.

The version is 3.1 (https://spec.openapis.org/oas/v3.1.1.html). `values`, `components` and
`examples` say what the codecs accept and emit, `shared` (and `shared.yaml`) what all documents have
in common. `document` puts it together and serializes it.
"""
