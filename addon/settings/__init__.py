"""What the user configured: read, merged, checked."""
