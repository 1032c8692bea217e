from base64 import b64encode
from hashlib import sha1

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.errors import RejectedError
from hub.gateway.screen import Scan, ShapeLimits, scan
from hub.gateway.wsse import UsernameToken, basic_credential
from tests.fakes import NOW, SECRET, SENDER, FakeExchange

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
PARTS = f"<w:Username> {SENDER.code} </w:Username><w:Password>{SECRET}</w:Password>"


def token_of(security: str) -> UsernameToken | None:
    found = Scan()
    message = (
        f'<e:Envelope xmlns:e="{SOAP_11}" xmlns:w="{WSSE}" xmlns:u="{WSU}"><e:Header>'
        f"<w:Security>{security}</w:Security></e:Header><e:Body><anything><Username>body</Username></anything></e:Body></e:Envelope>"
    )
    scan(message.encode(), ShapeLimits(), found)
    return found.token


def code_of(error: pytest.ExceptionInfo[RejectedError]) -> str:
    return error.value.code


def test_token_is_read_from_the_security_header():
    token = token_of(f"<u:Timestamp><u:Created>x</u:Created></u:Timestamp><w:UsernameToken>{PARTS}</w:UsernameToken>")
    assert token == UsernameToken(SENDER.code, SECRET, "")


def test_cdata_and_references_in_a_token_are_one_text():
    token = token_of(
        "<w:UsernameToken><w:Username>a&amp;<![CDATA[b]]>c</w:Username><w:Password>p</w:Password></w:UsernameToken>"
    )
    assert token is not None
    assert token.username == "a&bc"


def test_header_without_token_gives_no_token():
    assert token_of("<u:Timestamp/>") is None


@pytest.mark.parametrize(
    "security",
    [
        f"<w:UsernameToken>{PARTS}</w:UsernameToken><w:UsernameToken>{PARTS}</w:UsernameToken>",
        f"<w:UsernameToken>{PARTS}<w:Password>other</w:Password></w:UsernameToken>",
        "<w:UsernameToken><w:Username>a</w:Username></w:UsernameToken>",
        "<w:UsernameToken/>",
        f"<w:UsernameToken><w:Username>{'a' * 2000}</w:Username></w:UsernameToken>",
    ],
)
def test_ambiguous_or_incomplete_token_is_refused(security: str):
    with pytest.raises(RejectedError) as error:
        token_of(security)
    assert code_of(error) == "HUB-2001"


def test_two_security_headers_with_a_token_each_are_refused():
    one = f"<w:UsernameToken>{PARTS}</w:UsernameToken>"
    with pytest.raises(RejectedError) as error:
        token_of(f"{one}</w:Security><w:Security>{one}")
    assert code_of(error) == "HUB-2001"


def test_parts_nested_deeper_than_the_token_do_not_count():
    with pytest.raises(RejectedError):
        token_of(f"<w:UsernameToken><w:Other>{PARTS}</w:Other></w:UsernameToken>")


@pytest.mark.parametrize("password_type", [None, "", PROFILE + "PasswordText", "PasswordText"])
def test_text_password_finds_the_sender(password_type: str | None):
    assert UsernameToken(SENDER.code, SECRET, password_type).sender(FakeExchange()) == SENDER


def digest_token(exchange: FakeExchange, nonce: bytes = b"n" * 16, created: str = NOW.isoformat()) -> UsernameToken:
    digest = b64encode(sha1(nonce + created.encode() + exchange.secret.encode()).digest()).decode()
    return UsernameToken(SENDER.code, digest, PROFILE + "PasswordDigest", b64encode(nonce).decode(), created)


def test_digest_password_finds_the_sender_once():
    exchange = FakeExchange()
    token = digest_token(exchange)
    assert token.sender(exchange) == SENDER
    with pytest.raises(RejectedError) as error:
        token.sender(exchange)
    assert code_of(error) == "HUB-2005"


def test_digest_outside_the_window_is_refused():
    with pytest.raises(RejectedError) as error:
        digest_token(FakeExchange(), created="2026-03-02T01:54:59+00:00").sender(FakeExchange())
    assert code_of(error) == "HUB-2005"


@pytest.mark.parametrize(
    "token",
    [
        UsernameToken("a", "b", PROFILE + "PasswordDigest"),
        UsernameToken("a", "b", PROFILE + "PasswordDigest", "bm9uY2U="),
        UsernameToken("a", "b", PROFILE + "PasswordDigest", "*", "2026-03-02T02:00:00Z"),
        UsernameToken("a", "b", "urn:unknown-type", "bm9uY2U=", "2026-03-02T02:00:00Z"),
    ],
)
def test_digest_without_its_parts_or_of_unknown_type_is_refused(token: UsernameToken):
    with pytest.raises(RejectedError) as error:
        token.sender(FakeExchange())
    assert code_of(error) == "HUB-2001"


@given(code=st.text().filter(lambda code: ":" not in code), secret=st.text())
def test_basic_credential_is_read_as_utf_8(code: str, secret: str):
    header = "Basic " + b64encode(f"{code}:{secret}".encode()).decode()
    credential = basic_credential(header)
    assert credential is not None
    assert (credential.code, credential.secret) == (code, secret)


def test_other_schemes_are_not_basic():
    assert basic_credential("Bearer abc") is None


@pytest.mark.parametrize("header", ["Basic", "Basic ***", "Basic " + b64encode(b"nocolon").decode(), "Basic /w=="])
def test_unreadable_basic_header_is_refused(header: str):
    with pytest.raises(RejectedError) as error:
        basic_credential(header)
    assert code_of(error) == "HUB-2001"


def test_secrets_do_not_show_in_repr():
    credential = basic_credential("Basic " + b64encode(b"code:hidden-secret").decode())
    assert "hidden-secret" not in repr(credential)
    assert "hidden-secret" not in repr(UsernameToken("code", "hidden-secret"))
