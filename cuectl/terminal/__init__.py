"""What a terminal shows: answers, tables, colours, failures."""
