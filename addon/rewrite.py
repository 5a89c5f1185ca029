"""What ``mitmdump -s addon/rewrite.py`` loads. Fails closed: without the addon nothing leaves un-rewritten."""

import logging
import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)


def _load() -> list[object]:
    if ROOT not in sys.path:
        sys.path.insert(0, ROOT)  # a bare clone: the package is not installed
    for name in [name for name in sys.modules if name == "addon" or name.startswith("addon.")]:
        del sys.modules[name]  # a reload takes all of it anew
    from addon.proxy.hooks import addons as load  # noqa: PLC0415 - it may fail, and must not fail this file

    return load()


try:
    addons = _load()
except Exception as error:  # noqa: BLE001 - whatever it is, requests must not leave as they are
    from addon.proxy.fail_closed import FailClosed  # needs nothing but mitmproxy

    logging.getLogger(__name__).warning(
        "Detour is not loaded (%s). Run scripts/detour, which sets everything up.", error
    )
    addons = [FailClosed(str(error))]
