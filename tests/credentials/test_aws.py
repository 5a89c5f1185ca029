"""AWS's credentials from wherever its own tools find them, and signatures that are those of its own client."""

import datetime
import hashlib
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import botocore.auth
import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials, SSOProvider
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from addon.credentials import aws
from addon.credentials.aws import Signer, make, region_of
from addon.credentials.made import Outgoing, Unmade
from addon.credentials.network import Network
from addon.routing.backend import Mint, Minting
from addon.routing.config import Credential
from tests.credentials.clouds import Asked, token_server

KEY_ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SESSION = "session-token-that-nobody-may-see"
HOST = "bedrock-runtime.us-east-1.amazonaws.com"
NOON = datetime.datetime(2026, 11, 20, 12, 0, 0)  # as botocore keeps it
CREDENTIAL = Credential("authorization", "AWS4-HMAC-SHA256 ", "(aws)", None)


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: NOON)
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_DEFAULT_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def signer(token: str | None = None, service: str = "bedrock", region: str = "") -> Signer:
    return Signer("a test", None, ReadOnlyCredentials(KEY_ID, SECRET, token), service, region)


def request(path: str, body: bytes = b"{}", host: str = HOST, **headers: str) -> Outgoing:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Outgoing("POST", f"https://{host}{path}", {"host": host, "content-type": "application/json", **named}, body)


VECTORS = [
    (
        "/model/us.anthropic.claude-sonnet-4-6-v1:0/invoke",
        "34a5f9b83381a62e78c30d9c2b8b072e7151aeb2e67b2e91648453780d43dfc3",
    ),
    (
        "/model/us.anthropic.claude-sonnet-4-6-v1%3A0/invoke",
        "c5fb1d7572e989be269f4eec75596e0199844fd949438c647b6684fc56d5abe6",
    ),
]


@pytest.mark.parametrize(("path", "signature"), VECTORS)
def test_a_request_is_signed_as_amazon_wants_it(path: str, signature: str) -> None:
    asked = request(path, b'{"anthropic_version":"bedrock-2023-05-31"}', accept="*/*", user_agent="x", te="trailers")
    assert signer().headers(CREDENTIAL, asked) == {
        "x-amz-date": "20261120T120000Z",
        "authorization": f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20261120/us-east-1/bedrock/aws4_request, "
        f"SignedHeaders=content-type;host;x-amz-date, Signature={signature}",
    }


def test_the_token_of_a_session_goes_along_signed() -> None:
    headers = signer(SESSION).headers(CREDENTIAL, request("/x"))
    assert headers["x-amz-security-token"] == SESSION
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token," in headers["authorization"]


WORDS = st.text(st.characters(codec="ascii", min_codepoint=33, exclude_characters="\\?#"), max_size=12)


@given(
    path=st.lists(WORDS, min_size=1, max_size=4),
    query=st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "1", "a%20b"]), max_size=2),
    body=st.binary(max_size=100),
    extra=st.dictionaries(st.sampled_from(["x-amzn-bedrock-trace", "x-other", "accept"]), st.just("a  b"), max_size=3),
)
def test_it_is_signed_as_botocore_signs_the_same_request(
    path: list[str], query: dict[str, str], body: bytes, extra: dict[str, str]
) -> None:
    address = f"https://{HOST}/{'/'.join(quote(part, safe=':') for part in path)}"
    address += "?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else ""
    headers = {"host": HOST, "content-type": "application/json", **extra}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(botocore.auth, "get_current_datetime", lambda: NOON)
        found = signer(SESSION).headers(CREDENTIAL, Outgoing("POST", address, headers, body))
        signed = {name: value for name, value in headers.items() if name not in ("x-other", "accept")}
        theirs = AWSRequest("POST", address, signed, body)
        SigV4Auth(ReadOnlyCredentials(KEY_ID, SECRET, SESSION), "bedrock", "us-east-1").add_auth(theirs)
    assert found["authorization"] == theirs.headers["Authorization"]


REGIONS = [
    (HOST, "us-east-1"),
    ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
    ("bedrock-mantle.eu-central-1.api.aws", "eu-central-1"),
    ("vpce-0a-1b.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com", "ap-southeast-2"),
    ("bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ("bedrock-runtime.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
    ("aws-external-anthropic.us-west-2.api.aws", "us-west-2"),
    ("gateway.example", ""),
    ("127.0.0.1", ""),
]


@pytest.mark.parametrize(("host", "region"), REGIONS)
def test_the_region_is_in_the_address(host: str, region: str) -> None:
    assert region_of(host) == region


def test_a_region_that_is_written_goes_before_the_addresss_and_that_before_the_profiles() -> None:
    both = replace(signer(service="bedrock-mantle"), usual="eu-north-1")
    for made, region in ((replace(both, region="eu-west-1"), "eu-west-1"), (both, "us-east-1")):
        assert f"/{region}/bedrock-mantle/aws4_request" in made.headers(CREDENTIAL, request("/x"))["authorization"]
    headers = both.headers(CREDENTIAL, request("/x", host="gateway.example"))
    assert "/eu-north-1/bedrock-mantle/aws4_request" in headers["authorization"]


def test_without_a_region_nothing_is_signed() -> None:
    signer().check(request("/x").url)
    signer(region="eu-west-1").check("https://gateway.example/x")
    replace(signer(), usual="eu-west-1").check("https://gateway.example/x")
    with pytest.raises(Unmade) as caught:
        signer().check("https://gateway.example/x?key=1")
    assert caught.value.message == "https://gateway.example/x says no region to sign for: write region into detour.yaml"


def test_no_secret_shows() -> None:
    assert signer(SESSION).secrets == (SECRET, SESSION)
    assert signer().secrets == (SECRET,)
    assert SECRET not in repr(signer(SESSION))
    assert SESSION not in repr(signer(SESSION))


# -- where they are found ----------------------------------------------------------------------------------------------


def minted(profile: str = "", **settings: str) -> Signer:
    return make(Minting(Mint.AWS, "bedrock", "", profile, settings=tuple(settings.items())), Network())


def mistake(**given: str) -> str:
    with pytest.raises(Unmade) as caught:
        minted(**given)
    return caught.value.message


def keys(made: Signer) -> tuple[str, str, str | None]:
    return made.credentials.access_key, made.credentials.secret_key, made.credentials.token


@pytest.fixture(name="files")
def _files(tmp_path: Path) -> Any:
    """The user's two files."""

    def write(config: str, credentials: str = "") -> None:
        (tmp_path / ".aws").mkdir(exist_ok=True)
        (tmp_path / ".aws" / "config").write_text(config)
        (tmp_path / ".aws" / "credentials").write_text(credentials)

    return write


KEYS = {"AWS_ACCESS_KEY_ID": "AK1", "AWS_SECRET_ACCESS_KEY": "secret-1"}


def test_keys_of_the_settings_are_taken_wherever_they_stand(files: Any) -> None:
    files("", "[default]\naws_access_key_id = AK2\naws_secret_access_key = secret-2\n")
    made = minted(**KEYS)
    assert (keys(made), made.expires_at) == (("AK1", "secret-1", None), None)
    assert keys(minted(**KEYS, AWS_SESSION_TOKEN="t")) == ("AK1", "secret-1", "t")
    assert keys(minted()) == ("AK2", "secret-2", None)


def test_a_profile_is_taken(files: Any) -> None:
    files(
        "[profile dev]\nregion = eu-west-1\n",
        "[dev]\naws_access_key_id = AK3\naws_secret_access_key = secret-3\naws_session_token = t3\n",
    )
    expected = ("AK3", "secret-3", "t3")
    assert keys(minted(AWS_PROFILE="dev")) == expected
    assert keys(minted(profile="dev", **KEYS)) == expected  # what is written for this backend goes before
    made = minted(profile="dev")
    assert (made.kind, made.usual) == ("AWS, shared-credentials-file", "eu-west-1")


def test_files_of_other_names_are_read(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("[default]\naws_access_key_id = AK4\naws_secret_access_key = secret-4\n")
    (tmp_path / "config").write_text("[profile work]\nregion = eu-west-3\ncredential_process = cat told.json\n")
    assert keys(minted(AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "mine")))[0] == "AK4"
    named = Minting(Mint.AWS, "bedrock", profile="work", settings=(("AWS_CONFIG_FILE", str(tmp_path / "config")),))
    assert aws._session(named, Network())[1] == "eu-west-3"


def test_a_process_is_asked_and_says_when_what_it_gave_expires(files: Any, tmp_path: Path) -> None:
    ends = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=2)).replace(microsecond=0)
    told = {"Version": 1, "AccessKeyId": "AK5", "SecretAccessKey": "secret-5", "SessionToken": "t5"}
    (tmp_path / "told.json").write_text(json.dumps({**told, "Expiration": ends.isoformat()}))
    printing = f"{sys.executable} -c \"print(open('{tmp_path}/told.json').read())\""
    files(f"[default]\ncredential_process = {printing}\n")
    made = minted()
    assert (keys(made), made.kind) == (("AK5", "secret-5", "t5"), "AWS, custom-process")
    assert made.expires_at == ends.timestamp()


ASSUMED = """\
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><Arn>a</Arn><AssumedRoleId>b:c</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>AK6</AccessKeyId><SecretAccessKey>secret-6</SecretAccessKey>
<SessionToken>t6</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>"""


def test_a_role_is_assumed(files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    role = "arn:aws:iam::123456789012:role/detour"
    files(
        f"[profile work]\nrole_arn = {role}\nsource_profile = default\n",
        "[default]\naws_access_key_id = AK2\naws_secret_access_key = secret-2\n",
    )
    with token_server(lambda asked: (200, ASSUMED)) as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        made = minted(profile="work")
        (asked,) = sts.asked
    assert (keys(made), made.kind) == (("AK6", "secret-6", "t6"), "AWS, assume-role")
    assert made.expires_at == datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC).timestamp()
    assert asked.form["RoleArn"] == role
    assert "secret-2" not in repr(asked)


def test_a_role_that_may_not_be_assumed_is_told(files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    files(
        "[profile work]\nrole_arn = arn:aws:iam::123456789012:role/detour\nsource_profile = default\n",
        "[default]\naws_access_key_id = AK2\naws_secret_access_key = secret-2\n",
    )
    fault = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized</Message></Error></ErrorResponse>"

    def answer(asked: Asked) -> tuple[int, str]:
        return 403, fault

    with token_server(answer) as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        told = mistake(profile="work")
    assert "AccessDenied" in told
    assert "run `aws sso login`" in told
    assert "secret-2" not in told


def test_a_single_sign_on_is_used_until_it_expires(files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = "https://me.awsapps.com/start"
    files(
        f"[profile sso]\nsso_start_url = {start}\nsso_region = eu-west-1\nsso_account_id = 123456789012\n"
        "sso_role_name = Developer\n"
    )
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    signed_on = {"accessToken": "sso-token", "expiresAt": "2099-01-01T00:00:00Z", "startUrl": start}
    (cache / f"{hashlib.sha1(start.encode(), usedforsecurity=False).hexdigest()}.json").write_text(
        json.dumps(signed_on)
    )
    monkeypatch.setattr(SSOProvider, "_SSO_TOKEN_CACHE_DIR", str(cache))  # the user's own, found when it is imported
    role = {"accessKeyId": "AK7", "secretAccessKey": "secret-7", "sessionToken": "t7", "expiration": 4_070_908_800_000}
    with token_server(lambda asked: (200, {"roleCredentials": role})) as sso:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", sso.url)
        made = minted(profile="sso")
        (asked,) = sso.asked
    assert (keys(made), made.kind, made.expires_at) == (("AK7", "secret-7", "t7"), "AWS, sso", 4_070_908_800.0)
    assert asked.path == "/federation/credentials?role_name=Developer&account_id=123456789012"
    assert asked.headers["x-amz-sso_bearer_token"] == "sso-token"
    for file in cache.iterdir():
        file.write_text(json.dumps({**signed_on, "expiresAt": "2020-01-01T00:00:00Z"}))
    assert "expired" in mistake(profile="sso")


INSTANCE = {
    "Code": "Success",
    "Type": "AWS-HMAC",
    "AccessKeyId": "AK8",
    "SecretAccessKey": "secret-8",
    "Token": "t8",
    "Expiration": "2099-01-01T00:00:00Z",
    "LastUpdated": "2026-01-01T00:00:00Z",
}


def test_an_instance_of_amazons_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(asked: Asked) -> tuple[int, Any]:
        if asked.method == "PUT":
            return 200, "metadata-session"
        assert asked.headers["x-aws-ec2-metadata-token"] == "metadata-session"
        return (200, "role") if asked.path.endswith("/") else (200, json.dumps(INSTANCE))

    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    with token_server(answer) as machine:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{machine.url}/")
        made = minted()
    assert (keys(made), made.kind) == (("AK8", "secret-8", "t8"), "AWS, iam-role")


def test_a_container_of_amazons_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with token_server(lambda asked: (200, INSTANCE)) as agent:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{agent.url}/mine")
        made = minted()
    assert (keys(made), made.kind) == (("AK8", "secret-8", "t8"), "AWS, container-role")


def test_none_is_found_or_not_that_profile() -> None:
    assert mistake().startswith("AWS's credentials were not found; run `aws sso login` or `aws configure`")
    assert "The config profile (dev) could not be found" in mistake(profile="dev")


def test_credentials_that_are_empty_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Session, "get_credentials", lambda self: RefreshableCredentials(None, None, None, None, None, "x")
    )
    monkeypatch.setattr(
        RefreshableCredentials, "get_frozen_credentials", lambda self: ReadOnlyCredentials("", "", None)
    )
    assert mistake().startswith("AWS's credentials are empty; run ")


def test_a_proxy_in_front_is_for_the_clients_of_aws_too(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network.of({"DETOUR_UPSTREAM": "http://proxy:3128", "NO_PROXY": ""}, "/ca.pem")
    session, _ = aws._session(Minting(Mint.AWS, "bedrock", "us-east-1"), network)
    assert session.get_default_client_config().proxies == {"http": "http://proxy:3128", "https": "http://proxy:3128"}
    assert session.get_config_variable("ca_bundle") == "/ca.pem"
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:8080")  # may well be a door of ours
    session, _ = aws._session(Minting(Mint.AWS, "bedrock", "us-east-1"), Network())
    assert session.get_default_client_config().proxies == {}


def test_what_expires_without_saying_when_is_not_kept_for_ever() -> None:
    class Found:
        def refresh_needed(self) -> bool:
            return False

    assert aws._end(Found()) == pytest.approx(time.time() + aws.FALLBACK_S, abs=30)
