"""How flows reach litellm's process: address, token, what goes along, and what the process finds around it."""

from typing import Any

import pytest

from addon.proxy.sidecar import environment

AROUND = {"HOME": "/home/me", "WATSONX_APIKEY": "k", "AWS_PROFILE": "p", "PATH": "/bin"}
ENVIRONMENTS: list[tuple[dict[str, str], dict[str, Any], dict[str, str]]] = [
    (AROUND, {}, AROUND),
    # a proxy that is named may be this one
    ({**AROUND, "HTTPS_PROXY": "http://127.0.0.1:8080", "no_proxy": "*", "ALL_PROXY": "socks://x"}, {}, AROUND),
    (
        {"DETOUR_UPSTREAM": "http://corp:3128", "NO_PROXY": "intern"},
        {},
        {
            "DETOUR_UPSTREAM": "http://corp:3128",
            "HTTP_PROXY": "http://corp:3128",
            "HTTPS_PROXY": "http://corp:3128",
            "NO_PROXY": "intern,localhost,127.0.0.1,::1",
        },
    ),
    ({}, {"trusted": "/corp.pem"}, {"SSL_CERT_FILE": "/corp.pem"}),
]


@pytest.mark.parametrize(("values", "more", "expected"), ENVIRONMENTS)
def test_the_process_has_the_environment_but_for_the_way_out(
    values: dict[str, str], more: dict[str, Any], expected: dict[str, str]
) -> None:
    assert environment(values, **more) == expected
