"""Rights that depend on objects: what a rule lets be changed (`only`) and seen (`see`)."""
