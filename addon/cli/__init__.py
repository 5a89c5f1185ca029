"""The `detour` command: set the doors up, start mitmproxy, show it all working with a model that needs no key."""
