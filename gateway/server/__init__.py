"""Sockets, HTTP/1.1, TLS, workers, start and stop."""
