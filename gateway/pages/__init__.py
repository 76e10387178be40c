"""What the gateway tells of itself: the OpenAPI document, its documentation, the farm page."""
