"""Google's tokens: application default credentials, a service account's file, a machine of Google's, federation.

google-auth finds and makes them. This module is imported when the first is made, in that thread. What is read, and in
which order: https://cloud.google.com/docs/authentication/application-default-credentials. The two files are looked for
here, because ``google.auth.default`` starts gcloud, a second's work, to learn of a project that nobody asked for.
"""

import calendar
import logging
import os
import re
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, override

import google.auth
import requests
from google.auth import exceptions
from google.auth.credentials import Credentials, with_scopes_if_required
from google.auth.transport.requests import Request

from addon.credentials.made import Token, Unmade
from addon.credentials.network import Network
from addon.routing.backend import Minting

FILE, QUOTA = "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_QUOTA_PROJECT"
WELL_KNOWN = "application_default_credentials.json"  # what `gcloud auth application-default login` writes
LIMIT_S = 20.0  # for one answer of whoever makes tokens
MOST_TOLD = 200  # characters of what that says of a failure
NO_FILE = "Your default credentials were not found"
LONG = re.compile(r"[\w.+/=~-]{40,}")  # in which a token or an assertion may be quoted
LOGIN = f"run `gcloud auth application-default login`, or name a service account's file in {FILE}"
# module of google-auth -> what people call it
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "google.oauth2.service_account": "a service account's file",
        "google.oauth2.credentials": "a user's login",
        "google.auth.compute_engine.credentials": "this machine's service account",
        "google.auth.impersonated_credentials": "an impersonated service account",
        "google.auth.identity_pool": "a federated identity",
        "google.auth.aws": "a federated identity of AWS",
        "google.auth.pluggable": "a federated identity of a program",
        "google.auth.external_account_authorized_user": "a federated user's login",
    }
)


def make(minting: Minting, network: Network) -> Token:
    """Find the credentials and make a token of them. Raises: Unmade."""
    logging.getLogger("google.auth").setLevel(logging.ERROR)  # it would tell what it asks for, and what it gets
    request = Request(_Session(network))
    try:
        credentials = _found(minting, request)
        credentials.refresh(request)
    except exceptions.DefaultCredentialsError as error:
        raise Unmade(f"Google's credentials were not found{_which(error)}; {LOGIN}") from None
    except exceptions.TransportError as error:
        raise Unmade(f"Google cannot be asked for a token: {_told(error)}") from None
    except exceptions.RefreshError as error:
        raise Unmade(f"Google made no token: {_told(error)}; {LOGIN}") from None
    except (exceptions.GoogleAuthError, ValueError, OSError) as error:
        raise Unmade(f"Google's credentials cannot be used: {type(error).__name__}; {LOGIN}") from None
    if not credentials.token:
        raise Unmade(f"Google made no token; {LOGIN}")
    expires_at = calendar.timegm(credentials.expiry.timetuple()) if credentials.expiry else None
    quota = credentials.quota_project_id
    beside = (("x-goog-user-project", quota),) if quota else ()
    kind = type(credentials).__module__
    return Token(credentials.token, KINDS.get(kind, kind), expires_at, beside)


def _found(minting: Minting, request: Any) -> Credentials:
    """Return the credentials, with the scope that is wanted."""
    given = dict(minting.settings)
    quota = given.get(QUOTA)
    well_known = _well_known()
    file = given.get(FILE) or (str(well_known) if well_known.is_file() else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of user credentials without a quota project, and of files of any kind
        if file is not None:
            credentials, _ = google.auth.load_credentials_from_file(file, quota_project_id=quota, request=request)
        else:
            credentials, _ = google.auth.default(quota_project_id=quota, request=request)
        scoped: Credentials = with_scopes_if_required(credentials, [minting.scope])
    return scoped


def _well_known() -> Path:
    if folder := os.environ.get("CLOUDSDK_CONFIG"):
        return Path(folder) / WELL_KNOWN
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", "C:/")) / "gcloud" / WELL_KNOWN
    return Path.home() / ".config" / "gcloud" / WELL_KNOWN


def _told(error: Exception) -> str:
    """What an error says, in one line, without what may be a secret."""
    return LONG.sub("…", _said(error))[:MOST_TOLD].rstrip(".")


def _which(error: Exception) -> str:
    """What is wrong with the file that was named, by its whole path; nothing where none was."""
    said = _said(error)
    return "" if said.startswith(NO_FILE) else f": {said[:MOST_TOLD].rstrip('.')}"


def _said(error: Exception) -> str:
    return " ".join(str(error.args[0] if error.args else type(error).__name__).split())


class _Session(requests.Session):
    """Goes the way that all of Detour goes, and reads nothing of the environment itself."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = network.authorities or True
        self._network = network

    @override
    def request(self, method: str, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        proxy = self._network.proxy_for(url.decode() if isinstance(url, bytes) else url)
        options["proxies"] = {"http": proxy, "https": proxy} if proxy else {}
        options["timeout"] = min(options.get("timeout") or LIMIT_S, LIMIT_S)
        return super().request(method, url, *args, **options)
