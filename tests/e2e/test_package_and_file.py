"""A case told as a story: a package by `submitXml`, its file by `pushAttachment`, both seen on the case."""

import time
from typing import Any

import requests
import zeep
from lxml import etree
from zeep.transports import Transport

from tests.hub_process import HubServer

CASE_NO = "GS20260302-0777"
PACKAGE = f"""<?xml version="1.0" encoding="gb2312"?>
<Package version="1.0"><Head><MessageId>E2E-PACKAGE-1</MessageId><Sender>33032400GS</Sender><BizType>PROCESS</BizType>
<SendTime>2026-03-02T10:05:00+08:00</SendTime><Count>1</Count></Head>
<Body><Record seq="1"><internal_no>{CASE_NO}</internal_no><item_id>33032400GS-XK-0012</item_id><no_ord>1</no_ord>
<tache_name>受理</tache_name><status>1</status><user_staff_code>GS0031</user_staff_code><user_name>经办人丙</user_name>
<note>材料齐全，予以受理</note><process_date>2026-03-02 10:00:00</process_date></Record></Body></Package>"""
CONTENT = "受理通知书".encode() + bytes(range(256))


def case_on(hub_server: HubServer) -> dict[str, Any]:
    """The case, as soon as the worker has stored it."""
    address = f"{hub_server.url}/api/v1/cases/by/33032400GS/{CASE_NO}"
    for _ in range(100):
        answer = requests.get(address, headers={"Authorization": f"Bearer {hub_server.token}"}, timeout=10)
        if answer.status_code == 200:
            shown: dict[str, Any] = answer.json()
            return shown
        time.sleep(0.1)
    raise AssertionError(answer.text)


def test_package_and_file_meet_on_the_case(hub_server: HubServer):
    session = requests.Session()
    session.auth = (hub_server.sender, hub_server.secret)
    hub = zeep.Client(f"{hub_server.url}/soap/exchange/v1?wsdl", transport=Transport(session=session)).service
    receipt = etree.fromstring(hub.submitXml(message=PACKAGE))
    about = {"caseNo": CASE_NO, "itemCode": "33032400GS-XK-0012", "name": "受理通知书.pdf", "kind": "通知书"}
    pushed = hub.pushAttachment(messageId="E2E-FILE-1", attachment={"id": "D-1", **about, "content": CONTENT})
    case = case_on(hub_server)
    (file,) = case["attachments"]

    assert (receipt.findtext("Status"), receipt.findtext("Code")) == ("ACCEPTED", "000")
    assert [step["stepName"] for step in case["steps"]] == ["受理"]
    assert (file["name"], file["size"], file["receiptNo"]) == ("受理通知书.pdf", len(CONTENT), pushed.receiptNo)
    answer = requests.get(
        f"{hub_server.url}/api/v1/cases/{case['unifiedNo']}/attachments/{pushed.receiptNo}",
        params={"reason": "核对受理材料"},
        headers={"Authorization": f"Bearer {hub_server.token}"},
        timeout=10,
    )
    assert answer.content == CONTENT
