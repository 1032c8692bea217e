"""suds-community: see README.md."""

import sys
from typing import Any

import suds
from suds.client import Client


def connect(wsdl_url: str, sender: str, secret: str, **options: Any) -> Client:
    return Client(wsdl_url, username=sender, password=secret, cache=None, **options)


def records(hub: Client, message_id: str, org_code: str) -> list[Any]:
    made = []
    for step_seq, step_name in enumerate(("受理", "审查"), start=1):
        record = hub.factory.create("ProcessRecord")
        record.recordId, record.caseNo = f"{message_id}-{step_seq}", message_id
        record.itemCode, record.orgCode = "33032400AJ-XK-0001", org_code
        record.stepSeq, record.stepName, record.officerName = step_seq, step_name, "喆㛃䶮𬭎"
        made.append(record)
    first, second = made
    first.stepStatus, first.handledAt, first.opinion = "ACCEPTED", "2026-03-02T10:00:00+08:00", '材料齐全 <甲> & "乙"'
    first.application = hub.factory.create("Application")
    first.application.title, first.application.applicantName = "样例食品店经营许可", "喆㛃䶮𬭎商店"
    first.application.appliedAt = "2026-03-02T09:30:00+08:00"
    first.application.promisedLimit, first.application.limitUnit = 5, "WORKING_DAY"
    second.stepStatus, second.startedAt = "RUNNING", "2026-03-02T14:00:00+08:00"
    return made


def main(wsdl_url: str, sender: str, secret: str, message_id: str, org_code: str) -> None:
    hub = connect(wsdl_url, sender, secret)
    print(f"contract={hub.service.ping().contract}")
    receipt = hub.service.pushProcess(message_id, records(hub, message_id, org_code))
    print(f"status={receipt.status}\naccepted={receipt.acceptedCount}")
    print(f"states={len(hub.service.queryReceipt(receipt.receiptNo).recordState)}")
    print(f"again={hub.service.pushProcess(message_id, records(hub, message_id, org_code)).status}")
    # With faults=False suds gives back status and reason instead of raising a bare Exception.
    status, reason = connect(wsdl_url, sender, "wrong", faults=False).service.ping()
    print(f"refused={status} {reason}")
    try:
        hub.service.queryReceipt("unknown")
    except suds.WebFault as fault:
        print(f"fault={fault.fault.faultstring}\ncode={fault.fault.detail.hubFault.code}")


if __name__ == "__main__":
    main(*sys.argv[1:])
