"""Credentials as they travel: HTTP Basic, and the UsernameToken of WS-Security 1.0."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from hub.domain.envelopes import Sender
from hub.domain.errors import RejectedError
from hub.gateway.soap_envelope import WSSE_NS

_WSU_NS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_PASSWORD_TYPES = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#"  # noqa: S105 - a namespace
_DIGEST_TYPES = frozenset({_PASSWORD_TYPES + "PasswordDigest", "PasswordDigest", "wsse:PasswordDigest"})
_TEXT_TYPES = frozenset({None, "", _PASSWORD_TYPES + "PasswordText", "PasswordText", "wsse:PasswordText"})
_MAX_CREDENTIAL_CHARACTERS = 1000


class SenderDirectory(Protocol):
    """What of the exchange is needed to say who is calling."""

    def sender_by_password(self, code: str, secret: str) -> Sender: ...

    def sender_by_digest(self, code: str, digest: bytes, nonce: bytes, created: str) -> Sender: ...


@dataclass(frozen=True, slots=True)
class BasicCredential:
    """User and password of HTTP Basic."""

    code: str
    secret: str = field(repr=False)

    def sender(self, directory: SenderDirectory) -> Sender:
        return directory.sender_by_password(self.code, self.secret)


@dataclass(frozen=True, slots=True)
class UsernameToken:
    """A UsernameToken as written; `nonce` is still Base64."""

    username: str
    password: str = field(repr=False)
    password_type: str | None = None
    nonce: str | None = None
    created: str | None = None

    def sender(self, directory: SenderDirectory) -> Sender:
        """Raises RejectedError HUB-2001, and HUB-2005 for a digest outside the window or used before."""
        if self.password_type in _TEXT_TYPES:
            return directory.sender_by_password(self.username, self.password)
        if self.password_type not in _DIGEST_TYPES or not self.nonce or not self.created:
            raise RejectedError("HUB-2001", "UsernameToken 不完整：PasswordDigest 须有 Nonce 和 Created")
        nonce = _from_base64(self.nonce)
        return directory.sender_by_digest(self.username, self.password.encode(), nonce, self.created)


def basic_credential(authorization: str) -> BasicCredential | None:
    """None when the header speaks another scheme. Raises RejectedError HUB-2001 when it cannot be read."""
    scheme, _, encoded = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        code, colon, secret = _from_base64(encoded).decode().partition(":")
    except UnicodeDecodeError as exc:
        raise RejectedError("HUB-2001", "Authorization 不是有效的 Basic 凭据") from exc
    if not colon:
        raise RejectedError("HUB-2001", "Authorization 不是有效的 Basic 凭据")
    return BasicCredential(code, secret)


def _from_base64(encoded: str) -> bytes:
    try:
        return b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise RejectedError("HUB-2001", "凭据中的 Base64 内容无法解读") from exc


# --- reading a token while the message is scanned ---------------------------------------------------------------

_TOKEN = f"{WSSE_NS} UsernameToken"
_PARTS: Mapping[str, str] = MappingProxyType({
    f"{WSSE_NS} Username": "username", f"{WSSE_NS} Password": "password", f"{WSSE_NS} Nonce": "nonce",
    f"{_WSU_NS} Created": "created",
})  # fmt: skip


class TokenCollector:
    """Takes the events inside wsse:Security, names as `namespace local`, and keeps the one UsernameToken."""

    def __init__(self) -> None:
        self._tokens = 0
        self._open: list[str] = []
        self._parts: dict[str, str] = {}

    def start(self, name: str, attributes: list[str]) -> None:
        self._open.append(name)
        if name == _TOKEN:
            self._tokens += 1
        part = self._part()
        if part in self._parts:
            raise RejectedError("HUB-2001", "信封头中的 UsernameToken 重复或不完整")
        if part is not None:
            self._parts[part] = ""
        if part == "password":
            written = dict(zip(attributes[::2], attributes[1::2], strict=True))
            self._parts["type"] = written.get("Type", "")

    def text(self, text: str) -> None:
        part = self._part()
        if part is not None:
            self._parts[part] += text
            if len(self._parts[part]) > _MAX_CREDENTIAL_CHARACTERS:
                raise RejectedError("HUB-2001", "凭据过长")

    def end(self) -> None:
        self._open.pop()

    def token(self) -> UsernameToken | None:
        """None without a token. Raises RejectedError HUB-2001 when there are several, or one without name or secret."""
        if not self._tokens:
            return None
        if self._tokens > 1 or not {"username", "password"} <= self._parts.keys():
            raise RejectedError("HUB-2001", "信封头中的 UsernameToken 重复或不完整")
        parts = {name: text.strip() for name, text in self._parts.items()}
        return UsernameToken(
            parts["username"], self._parts["password"], parts["type"], parts.get("nonce"), parts.get("created")
        )

    def _part(self) -> str | None:
        in_token = len(self._open) == 2 and self._open[0] == _TOKEN
        return _PARTS.get(self._open[1]) if in_token else None
