"""What a terminal shows: tables, colours, failures in one line."""
