"""Protobuf to JSON and back, compiled from descriptors. Pure: no I/O, no HTTP.

The JSON is protojson (https://protobuf.dev/programming-guides/json/) as Go writes it with
EmitUnpopulated. `encode` and `decode` compile one function per message type, once; `scalars`
and `wellknown` hold what JSON and protobuf see differently; `slices` cuts large answers.
"""
