import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from addon.cli import embedded_proxy
from addon.cli.doors import free_port


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_mitmweb_ends_with_its_standard_input_and_its_password_is_not_among_the_processes(tmp_path: Path) -> None:
    port, web_port = free_port(["127.0.0.1"]), free_port(["127.0.0.1"])
    options = {"confdir": tmp_path, "web_port": web_port, "web_open_browser": "false", "web_password": "let-me-in"}
    arguments = ["--mode", f"regular@127.0.0.1:{port}"]
    arguments += [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "addon.cli.embedded_proxy"],
        env={"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONPATH": str(Path(embedded_proxy.__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        assert program.stdin
        assert program.stdout
        program.stdin.write(json.dumps(["mitmweb", *arguments]) + "\n")
        program.stdin.flush()
        deadline = time.monotonic() + 60
        while not answers(web_port):
            assert program.poll() is None, program.stdout.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        shown = subprocess.run(
            ["ps", "-p", str(program.pid), "-o", "args="], capture_output=True, text=True, check=True
        )
        assert "embedded_proxy" in shown.stdout
        assert "let-me-in" not in shown.stdout
        program.stdin.close()
        assert program.wait(30) in {0, -signal.SIGTERM}


def test_mitmdump_is_started_by_its_name(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "addon.cli.embedded_proxy"],
        env={"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONPATH": str(Path(embedded_proxy.__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdin
        assert program.stdout
        program.stdin.write(json.dumps(["mitmdump", "--version"]) + "\n")
        program.stdin.flush()  # and it stays open until the answer is there
        assert program.stdout.readline().startswith("Mitmproxy: ")
