"""A token and its header, and that neither shows."""

from addon.credentials.made import Outgoing, Token, Unmade
from addon.routing.config import Credential

REQUEST = Outgoing("POST", "https://x.googleapis.com/v1", {}, b"")


def test_a_token_goes_in_its_header_with_what_goes_beside_it() -> None:
    token = Token("t-secret", "a login", 5.0, (("x-goog-user-project", "p"),))
    credential = Credential("authorization", "Bearer ", "(gcloud)", None)
    assert token.headers(credential, REQUEST) == {"authorization": "Bearer t-secret", "x-goog-user-project": "p"}
    token.check("http://anywhere")
    assert token.secrets == ("t-secret",)
    assert "t-secret" not in repr(token)


def test_what_keeps_it_from_being_made_is_a_sentence() -> None:
    assert (Unmade("log in").message, str(Unmade("log in"))) == ("log in", "log in")
