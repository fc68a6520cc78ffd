"""Where Django looks for template tags. What must not live here: the tags themselves."""
