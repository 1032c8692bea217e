"""A sample file pushed in the form it is in: SOAP envelope, bare operation element, or JSON of the REST interface."""

import hashlib
import json
from pathlib import Path
from typing import Any, cast

import requests
from lxml import etree

from adapters.contract import CONTRACT_NS
from adapters.messages import json_records
from adapters.transports.exchange_client import SOAP11_NS, ExchangeClient
from adapters.xml_text import hardened_parser, without_declaration
from hub.domain.errors import NotFoundError, RejectedError, RetryableError
from hub.domain.records import RECORD_KINDS
from hub.gateway.rest.receipt_json import receipt_json

ReceiptJson = dict[str, Any]

_OPERATIONS = frozenset(kind.operation for kind in RECORD_KINDS.values())
_TIMEOUT_SECONDS = 60
# A field that only one kind of record has tells which kind a JSON file holds.
_TELLING_FIELDS = (("resultStatus", "results"), ("itemName", "items"), ("stepName", "process-records"))


def push(client: ExchangeClient, path: Path) -> ReceiptJson:
    """The receipt. Raises RejectedError or NotFoundError for a file that is no message, and what the hub answers."""
    content = _read(path)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return _push_json(client, content)
    root = _root(content)
    if etree.QName(root).localname == "Envelope":
        return receipt_json(client.push_message(content))
    return receipt_json(client.push_message(_wrapped(root, content)))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise NotFoundError("HUB-4043", "文件不存在或不能读取") from exc


def _root(content: bytes) -> etree._Element:
    try:
        if b"encoding=" in content[:200]:
            return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
        return etree.fromstring(without_declaration(content.decode()).encode(), hardened_parser())
    except (etree.XMLSyntaxError, UnicodeDecodeError) as exc:
        raise RejectedError("HUB-1001", "文件既不是 JSON，也不是格式良好的 XML") from exc


def _wrapped(operation: etree._Element, content: bytes) -> bytes:
    """A bare operation in an envelope; without a messageId it gets one made of its content: a repeat is known."""
    if etree.QName(operation).namespace != CONTRACT_NS or etree.QName(operation).localname not in _OPERATIONS:
        raise RejectedError("HUB-1008", "根元素应为 SOAP 信封，或接口命名空间下的 pushItems、pushProcess、pushResults")
    tag = f"{{{CONTRACT_NS}}}messageId"
    if operation.find(tag) is None:
        message_id = etree.Element(tag)
        message_id.text = _message_id(content)
        operation.insert(0, message_id)
    envelope = etree.Element(f"{{{SOAP11_NS}}}Envelope", nsmap={"soap": SOAP11_NS})
    etree.SubElement(envelope, f"{{{SOAP11_NS}}}Body").append(operation)
    return etree.tostring(envelope, encoding="utf-8", xml_declaration=True)


def _message_id(content: bytes) -> str:
    return f"file-{hashlib.sha256(content).hexdigest()[:32]}"


def _push_json(client: ExchangeClient, content: bytes) -> ReceiptJson:
    address = client.url.rstrip("/") + f"/api/v1/{_kind_path(content)}"
    headers = {"Content-Type": "application/json", "Idempotency-Key": _message_id(content)}
    answer = requests.post(
        address,
        data=content,
        headers=headers,
        auth=(client.sender, client.secret),
        timeout=_TIMEOUT_SECONDS,
        allow_redirects=False,
    )
    return _receipt(answer)


def _kind_path(content: bytes) -> str:
    try:
        records = json_records(json.loads(content.decode("utf-8-sig")))
    except ValueError as exc:
        raise RejectedError("HUB-1022", "文件不是有效的 JSON") from exc
    fields = {name for record in records if isinstance(record, dict) for name in record}
    for field, path in _TELLING_FIELDS:
        if field in fields:
            return path
    raise RejectedError("HUB-1017", "文件里没有事项、过程或结果记录")


def _receipt(answer: requests.Response) -> ReceiptJson:
    try:
        said = cast(dict[str, Any], answer.json())
    except ValueError as exc:
        raise RejectedError("HUB-9006", "应答不是 JSON，请核对中心地址") from exc
    receipt = said.get("receipt", said)
    if "receiptNo" in receipt:
        return cast(ReceiptJson, receipt)
    code, detail = said.get("code", "HUB-9006"), said.get("detail") or said.get("title") or "中心拒绝了请求"
    raise (RetryableError if answer.status_code in (429, 503) else RejectedError)(code, detail)
