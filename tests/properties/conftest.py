"""mitmproxy is imported here first, and quietly."""

import importlib
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what mitmproxy 12.2 and its libraries deprecate among themselves while imported
    importlib.import_module("mitmproxy.flowfilter")
    importlib.import_module("mitmproxy.test.tflow")
