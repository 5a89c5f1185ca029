"""Inside mitmproxy: the hooks, our HTTP layer, the content views; thin, over the pure core."""
