"""What was said, made readable."""
