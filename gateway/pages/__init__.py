"""What the gateway says about itself: health checks, the OpenAPI document, pages for browsers."""
