"""The official `anthropic` client at either door: a second opinion on what we send, by code that nobody here wrote."""

import contextlib
import ssl
from collections.abc import Iterator

import anthropic

from tests.end_to_end.client import API_KEY, Door
from tests.end_to_end.proxy import Proxy

TIME_LIMIT_S = 30


@contextlib.contextmanager
def official_client(door: Door, proxy: Proxy) -> Iterator[anthropic.Anthropic]:
    """A client without retries, so that every test sees the first answer."""
    if door == "reverse":
        transport = anthropic.DefaultHttpxClient(trust_env=False)
        base_url = proxy.reverse_url
    else:
        trust = ssl.create_default_context(cafile=str(proxy.ca_certificate))
        transport = anthropic.DefaultHttpxClient(proxy=proxy.proxy_url, verify=trust, trust_env=False)
        base_url = "https://api.anthropic.com"
    with anthropic.Anthropic(
        api_key=API_KEY, base_url=base_url, http_client=transport, max_retries=0, timeout=TIME_LIMIT_S
    ) as client:
        yield client
