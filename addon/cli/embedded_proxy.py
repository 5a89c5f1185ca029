"""mitmweb or mitmdump as a program that ends with the one that started it: `python -m addon.cli.embedded_proxy`.

The first line of standard input is the program's name and its arguments, a JSON list: the password of mitmweb's pages
is among them, and a list of processes would show it. When standard input ends, the program is asked to end too.
"""

import json
import os
import signal
import sys
import threading
import time

GRACE_S = 3.0  # less than what the other side waits before it kills


def _end_with_parent() -> None:
    while os.read(0, 4096):  # not sys.stdin.read(): the interpreter cannot end while a thread waits inside sys.stdin
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)  # it did not listen


def main() -> None:
    """Read the arguments and become the program."""
    name, *arguments = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from mitmproxy.tools.main import mitmdump, mitmweb

    {"mitmdump": mitmdump, "mitmweb": mitmweb}[name](arguments)


if __name__ == "__main__":
    main()
