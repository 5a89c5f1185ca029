"""Searching the web: what is asked, whose own search is asked how, and the endpoints that search for others."""
