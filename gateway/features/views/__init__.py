"""Views: the fields, rows, groups and formats of an answer that a client asks for."""
