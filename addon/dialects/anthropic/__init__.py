"""Anthropic's own format, for backends that answer ``/v1/messages`` themselves."""
