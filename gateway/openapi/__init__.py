"""The catalog as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html).

`values`, `components` and `examples` describe what the codecs accept and emit, `shared` what all
methods have in common. `document` puts them together, and `live` keeps the result up to date.
"""
