"""What mitmproxy and its libraries deprecate among themselves is told when it is first imported: here."""

import importlib
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    importlib.import_module("mitmproxy.flowfilter")
