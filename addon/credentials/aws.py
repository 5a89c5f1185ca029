"""AWS's signatures (Signature Version 4), with the credentials that AWS's own tools would find.

botocore finds them (environment, profiles, SSO, assumed roles, ``credential_process``, containers, instances), and
signs. This module is imported when the first are found, in that thread. Signed are the method, the address, the body
and those headers that nobody on the way rewrites: host, content-type and x-amz-*.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError

from addon.credentials.made import Outgoing, Unmade
from addon.credentials.network import Network
from addon.routing.backend import Minting
from addon.routing.config import Credential

REGION = re.compile(r"[a-z]{2,5}(?:-[a-z]+){1,2}-\d")  # us-east-1, us-gov-west-1, eusc-de-east-1
SIGNED = ("host", "content-type")
SIGNED_BEGIN = "x-amz"
DEFAULT_REGION = "us-east-1"  # whose STS is asked where nobody says another
FALLBACK_S = 900.0  # of credentials that expire and do not say when
LIMITS = {"connect_timeout": 10, "read_timeout": 20, "retries": {"max_attempts": 2, "mode": "standard"}}
LOGIN = "run `aws sso login` or `aws configure`, or set AWS_BEARER_TOKEN_BEDROCK where the service takes one"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs requests for one service."""

    kind: str
    expires_at: float | None
    credentials: ReadOnlyCredentials = field(repr=False)
    service: str
    region: str = ""  # as it is written; empty: what the address says
    usual: str = ""  # of the profile, where the address says none

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret key, and the token of a session."""
        return tuple(filter(None, (self.credentials.secret_key, self.credentials.token)))

    def check(self, url: str) -> None:
        """See that the region is known. Raises: Unmade."""
        if not self._region(url):
            raise Unmade(f"{url.partition('?')[0]} says no region to sign for: write region into detour.yaml")

    def _region(self, url: str) -> str:
        return self.region or region_of(urlsplit(url).hostname or "") or self.usual

    def headers(self, credential: Credential, request: Outgoing) -> Mapping[str, str]:
        """Sign."""
        fixed = {name: value for name, value in request.headers.items() if _is_signed(name)}
        asked = AWSRequest(method=request.method, url=request.url, headers=fixed, data=request.body)
        SigV4Auth(self.credentials, self.service, self._region(request.url)).add_auth(asked)
        return {name.lower(): value for name, value in asked.headers.items() if name.lower() not in fixed}


def make(minting: Minting, network: Network) -> Signer:
    """Find the credentials. Raises: Unmade."""
    logging.getLogger("botocore").setLevel(logging.ERROR)  # it would tell what it signs, and with what
    try:
        session, usual = _session(minting, network)
        found = session.get_credentials()
        if found is None:
            raise Unmade(f"AWS's credentials were not found; {LOGIN}")
        frozen = found.get_frozen_credentials()
    except (BotoCoreError, ClientError, ValueError, OSError) as error:
        raise Unmade(f"AWS's credentials cannot be had: {_told(error)}; {LOGIN}") from None
    if not frozen.access_key or not frozen.secret_key:
        raise Unmade(f"AWS's credentials are empty; {LOGIN}")
    return Signer(f"AWS, {found.method}", _end(found), frozen, minting.scope, minting.region, usual)


def _session(minting: Minting, network: Network) -> tuple[Any, str]:
    """Return the session of what is configured, and the region that its profile names."""
    given = dict(minting.settings)
    keys = [given.get(f"AWS_{name}") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
    has_keys = not minting.profile and all(keys[:2])
    session = botocore.session.Session(profile=minting.profile or (None if has_keys else given.get("AWS_PROFILE")))
    for name, value in (
        ("config_file", given.get("AWS_CONFIG_FILE")),
        ("credentials_file", given.get("AWS_SHARED_CREDENTIALS_FILE")),
        ("ca_bundle", network.authorities),
    ):
        if value:
            session.set_config_variable(name, value)
    usual = session.get_config_variable("region") or ""  # it is read from the files
    region = minting.region or usual or DEFAULT_REGION
    session.set_config_variable("region", region)
    proxy = network.proxy_for(f"https://sts.{region}.amazonaws.com")
    proxies = {"http": proxy, "https": proxy} if proxy else {}
    session.set_default_client_config(Config(proxies=proxies, **LIMITS))
    if has_keys:
        session.set_credentials(*keys)
    return session, usual


def _end(found: Any) -> float | None:
    """When they expire; botocore keeps it to itself."""
    if not hasattr(found, "refresh_needed"):
        return None
    moment = getattr(found, "_expiry_time", None)
    return moment.timestamp() if moment is not None else time.time() + FALLBACK_S


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")


def _is_signed(name: str) -> bool:
    return name in SIGNED or name.startswith(SIGNED_BEGIN)


def region_of(host: str) -> str:
    """Return the region in a host's name; empty where there is none."""
    return next((label for label in host.split(".") if REGION.fullmatch(label)), "")
