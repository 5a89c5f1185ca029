"""mitmweb as a program that ends with the one that started it: `python -m addon.cli.embedded_web`.

The first line of standard input is mitmweb's arguments, a JSON list: the password of its pages is among them, and a
list of processes would show it. When standard input ends, mitmweb is asked to end too.
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
    os._exit(1)  # mitmweb did not listen


def main() -> None:
    """Read the arguments and become mitmweb."""
    arguments = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from mitmproxy.tools.main import mitmweb

    mitmweb(arguments)


if __name__ == "__main__":
    main()
