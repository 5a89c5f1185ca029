"""Google's tokens of a fake token server: what is sent there, and what is said of failures."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from google.auth import iam
from google.auth.compute_engine import _metadata
from google.oauth2 import credentials as users

from addon.credentials import google
from addon.credentials.google import make
from addon.credentials.made import Outgoing, Token, Unmade
from addon.credentials.network import Network
from addon.routing.backend import CLOUD_PLATFORM, Mint, Minting
from addon.routing.config import Credential
from tests.credentials.clouds import (
    CLIENT_SECRET,
    REFRESH_TOKEN,
    TokenServer,
    authorized_user,
    private_key,
    service_account,
    token_server,
    tokens,
)

TOKEN = "ya29.token-that-nobody-may-see"
WELL_KNOWN = ".config/gcloud/application_default_credentials.json"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_QUOTA_PROJECT", "CLOUDSDK_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", True)
    monkeypatch.setenv("PATH", str(tmp_path))  # no gcloud


@pytest.fixture(name="server")
def _server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenServer]:
    with token_server(tokens(TOKEN)) as server:
        # a user's login and impersonation have addresses of Google's own, whatever the file says
        monkeypatch.setattr(users, "_GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"{server.url}/token")
        monkeypatch.setattr(iam, "_IAM_ENDPOINT", f"{server.url}/generate/{{}}")
        yield server


def minted(**settings: str) -> Token:
    return make(Minting(Mint.GOOGLE, CLOUD_PLATFORM, settings=tuple(settings.items())), Network())


def mistake(**settings: str) -> str:
    with pytest.raises(Unmade) as caught:
        minted(**settings)
    return caught.value.message


def part(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_a_service_account_signs_what_it_asks_with(server: TokenServer, tmp_path: Path) -> None:
    file = service_account(tmp_path / "sa.json", f"{server.url}/token")
    token = minted(GOOGLE_APPLICATION_CREDENTIALS=str(file))
    assert (token.value, token.kind, token.beside) == (TOKEN, "a service account's file", ())
    assert token.expires_at == pytest.approx(time.time() + 3600, abs=30)
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/token")
    assert asked.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    head, claims, signature = asked.form["assertion"].split(".")
    assert part(head) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    told = part(claims)
    assert told.pop("exp") == told.pop("iat") + 3600
    assert told == {
        "iss": "detour@p.iam.gserviceaccount.com",
        "aud": "https://oauth2.googleapis.com/token",
        "scope": CLOUD_PLATFORM,
    }
    private_key().public_key().verify(
        base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)),
        f"{head}.{claims}".encode(),
        PKCS1v15(),
        SHA256(),
    )


@pytest.mark.parametrize("place", ["well known", "named", "CLOUDSDK_CONFIG"])
def test_a_users_login_is_found_and_names_who_pays(
    server: TokenServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    uri = f"{server.url}/token"
    settings = {}
    if place == "well known":
        authorized_user(tmp_path / WELL_KNOWN, uri, quota_project_id="payer")
    elif place == "named":
        file = authorized_user(tmp_path / "mine.json", uri, quota_project_id="payer")
        settings = {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}
    else:
        authorized_user(tmp_path / "sdk/application_default_credentials.json", uri, quota_project_id="payer")
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "sdk"))
    token = minted(**settings)
    assert (token.value, token.kind) == (TOKEN, "a user's login")
    (asked,) = server.asked
    assert asked.form == {
        "grant_type": "refresh_token",
        "client_id": "gcloud.apps.googleusercontent.com",
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
    }
    headers = token.headers(Credential("authorization", "Bearer ", "x", None), Outgoing("POST", "https://x", {}, b""))
    assert headers == {"authorization": f"Bearer {TOKEN}", "x-goog-user-project": "payer"}


def test_another_project_may_pay(server: TokenServer, tmp_path: Path) -> None:
    authorized_user(tmp_path / WELL_KNOWN, f"{server.url}/token", quota_project_id="payer")
    assert minted(GOOGLE_CLOUD_QUOTA_PROJECT="other").beside == (("x-goog-user-project", "other"),)


def test_a_service_account_may_be_impersonated(server: TokenServer, tmp_path: Path) -> None:
    source = json.loads(authorized_user(tmp_path / "user.json", f"{server.url}/token").read_text())
    named = tmp_path / "impersonated.json"
    url = f"{server.url}/v1/projects/-/serviceAccounts/robot@p.iam.gserviceaccount.com:generateAccessToken"
    named.write_text(
        json.dumps(
            {
                "type": "impersonated_service_account",
                "service_account_impersonation_url": url,
                "source_credentials": source,
                "delegates": [],
            }
        )
    )
    server.answer = lambda asked: (
        (200, {"accessToken": TOKEN, "expireTime": "2099-01-01T00:00:00Z"})
        if asked.path.startswith("/generate/")
        else tokens("source-token")(asked)
    )
    token = minted(GOOGLE_APPLICATION_CREDENTIALS=str(named))
    assert (token.value, token.kind) == (TOKEN, "an impersonated service account")
    assert [asked.path for asked in server.asked] == ["/token", "/generate/robot@p.iam.gserviceaccount.com"]
    assert server.asked[1].headers["authorization"] == "Bearer source-token"


def test_a_federated_identity_changes_its_token(server: TokenServer, tmp_path: Path) -> None:
    (tmp_path / "oidc").write_text("subject-token")
    named = tmp_path / "federated.json"
    named.write_text(
        json.dumps(
            {
                "type": "external_account",
                "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": f"{server.url}/sts",
                "credential_source": {"file": str(tmp_path / "oidc")},
            }
        )
    )
    token = minted(GOOGLE_APPLICATION_CREDENTIALS=str(named))
    assert (token.value, token.kind) == (TOKEN, "a federated identity")
    assert server.asked[0].form["subject_token"] == "subject-token"
    assert server.asked[0].form["scope"] == CLOUD_PLATFORM


def test_a_machine_of_googles_tells_its_own(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    host = f"127.0.0.1:{server.port}"
    monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", False)
    monkeypatch.setattr(
        _metadata, "_GCE_METADATA_HOST", host
    )  # read when it is imported; in the proxy it is a variable
    monkeypatch.setenv("GCE_METADATA_IP", host)

    def answer(asked: Any) -> Any:
        assert asked.headers["metadata-flavor"] == "Google"
        if asked.path.partition("?")[0].endswith("/token"):
            return tokens(TOKEN)(asked)
        if "recursive" in asked.path:
            return 200, {"email": "robot@p", "scopes": [CLOUD_PLATFORM], "aliases": ["default"]}
        return 200, "p"

    server.answer = answer
    token = make(Minting(Mint.GOOGLE, CLOUD_PLATFORM), Network.of({"DETOUR_UPSTREAM": "http://127.0.0.1:1"}, None))
    assert (token.value, token.kind) == (TOKEN, "this machine's service account")


def test_none_is_found(tmp_path: Path) -> None:
    told = mistake()
    assert told.startswith("Google's credentials were not found; run `gcloud auth application-default login`, or ")


def test_on_windows_it_is_where_gcloud_has_its_own(
    server: TokenServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authorized_user(tmp_path / "roaming/gcloud/application_default_credentials.json", f"{server.url}/token")
    monkeypatch.setenv("APPDATA", str(tmp_path / "roaming"))
    monkeypatch.setattr("addon.credentials.google.sys.platform", "win32")
    assert minted().kind == "a user's login"


def test_credentials_that_give_no_token_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty:
        token = None

        def refresh(self, request: object) -> None:
            """Do nothing."""

    monkeypatch.setattr(google, "_found", lambda minting, request: Empty())
    assert mistake().startswith("Google made no token; run ")


FILES = [
    ("missing", None, "Google's credentials were not found: File "),
    ("no JSON", "{", "Google's credentials were not found: File "),
    ("no kind", "{}", "Google's credentials were not found: "),
    ("half", '{"type": "service_account", "private_key": "sk-nobody-may-see"}', "Google's credentials"),
    ("folder", "/", "Google's credentials cannot be used: IsADirectoryError"),
]


@pytest.mark.parametrize(("name", "text", "told"), FILES)
def test_a_file_that_is_none_is_told(tmp_path: Path, name: str, text: str | None, told: str) -> None:
    file = tmp_path / "credentials.json"
    if text == "/":
        file.mkdir()
    elif text is not None:
        file.write_text(text)
    said = mistake(GOOGLE_APPLICATION_CREDENTIALS=str(file))
    assert said.startswith(told)
    assert str(file) in said or text in ("/", FILES[3][1])
    assert "sk-nobody-may-see" not in said
    assert "GOOGLE_APPLICATION_CREDENTIALS" in said


def test_a_refusal_is_told_without_what_it_quotes(server: TokenServer, tmp_path: Path) -> None:
    file = service_account(tmp_path / "sa.json", f"{server.url}/token")
    server.answer = lambda asked: (
        400,
        {"error": "invalid_grant", "error_description": f"bad {asked.form['assertion']}"},
    )
    told = mistake(GOOGLE_APPLICATION_CREDENTIALS=str(file))
    assert told.startswith("Google made no token: invalid_grant: bad …; run `gcloud auth")


def test_a_server_that_is_away_is_told_by_name(tmp_path: Path) -> None:
    file = service_account(tmp_path / "sa.json", "http://127.0.0.1:1/token")
    told = mistake(GOOGLE_APPLICATION_CREDENTIALS=str(file))
    assert told.startswith("Google cannot be asked for a token: ")
    assert "127.0.0.1" in told
