"""zeep: see README.md."""

import sys
from typing import Any

import requests
import zeep
from zeep.transports import Transport


def connect(wsdl_url: str, sender: str, secret: str) -> zeep.Client:
    session = requests.Session()
    session.auth = (sender, secret)
    return zeep.Client(wsdl_url, transport=Transport(session=session))


def records(message_id: str, org_code: str) -> list[dict[str, Any]]:
    case = {"caseNo": message_id, "itemCode": "33032400AJ-XK-0001", "orgCode": org_code}
    first = {
        "recordId": f"{message_id}-1", **case, "stepSeq": 1, "stepName": "受理", "officerName": "喆㛃䶮𬭎",
        "stepStatus": "ACCEPTED", "handledAt": "2026-03-02T10:00:00+08:00", "opinion": "材料齐全 <甲> & \"乙\"",
        "application": {
            "title": "样例食品店经营许可", "appliedAt": "2026-03-02T09:30:00+08:00", "applicantName": "喆㛃䶮𬭎商店",
            "promisedLimit": 5, "limitUnit": "WORKING_DAY",
        },
    }  # fmt: skip
    second = {
        "recordId": f"{message_id}-2", **case, "stepSeq": 2, "stepName": "审查", "officerName": "喆㛃䶮𬭎",
        "stepStatus": "RUNNING", "startedAt": "2026-03-02T14:00:00+08:00",
    }  # fmt: skip
    return [first, second]


def main(wsdl_url: str, sender: str, secret: str, message_id: str, org_code: str) -> None:
    hub = connect(wsdl_url, sender, secret).service
    print(f"contract={hub.ping().contract}")
    receipt = hub.pushProcess(messageId=message_id, record=records(message_id, org_code))
    print(f"status={receipt.status}\naccepted={receipt.acceptedCount}")
    print(f"states={len(hub.queryReceipt(receiptNo=receipt.receiptNo).recordState)}")
    print(f"again={hub.pushProcess(messageId=message_id, record=records(message_id, org_code)).status}")
    try:
        connect(wsdl_url, sender, "wrong").service.ping()
    except (zeep.exceptions.Fault, zeep.exceptions.TransportError) as refusal:
        print(f"refused={refusal}")
    try:
        hub.queryReceipt(receiptNo="unknown")
    except zeep.exceptions.Fault as fault:
        print(f"fault={fault.message}\ncode={fault.detail.findtext('.//{*}code')}")


if __name__ == "__main__":
    main(*sys.argv[1:])
