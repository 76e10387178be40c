"""uvicorn as this gateway needs it: its sockets, its connections, its beginning and its end."""
