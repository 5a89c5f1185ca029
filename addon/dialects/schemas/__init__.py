"""JSON Schema in each backend's own subset, for tools and for replies of a form."""
