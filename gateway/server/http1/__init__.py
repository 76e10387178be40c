"""HTTP/1.1 connections: bytes to requests (pure), the connection around that, one request."""
