"""A department's own format that no shipped document knows: GBK, pinyin names, two kinds of records in one envelope."""

from base64 import b64encode
from typing import Any

ITEM_CODE = "33032400SL-XK-0012"
_HEAD = '<?xml version="1.0" encoding="GBK"?>\n'


def an_acceptance(number: int = 1, status: str = "1") -> bytes:
    """One record of acceptance (SL) in its envelope."""
    return (
        f"{_HEAD}<BJXX><TOU><BWBH>SL2026{number:04d}</BWBH></TOU><SL><LSH>LS{number:03d}</LSH>"
        f"<BJBH>QSXK-2026-{number:04d}</BJBH><SXBM>{ITEM_CODE}</SXBM><SXMC>取水许可</SXMC><SQRMC>申请人甲</SQRMC>"
        f"<SFZH>330324199001010003</SFZH><LXDH>1380000000{number % 10}</LXDH><SQSJ>2026-03-0{number} 09:15</SQSJ>"
        f"<SLSJ>2026-03-0{number} 10:30</SLSJ><SLRY>经办人丙</SLRY><HJMC>受理</HJMC><HJXH>1</HJXH>"
        f"<HJZT>{status}</HJZT><BLYJ>材料齐全</BLYJ></SL></BJXX>"
    ).encode("gbk")


def a_result(number: int = 1) -> bytes:
    """One record of a result (BJ) in its envelope."""
    return (
        f"{_HEAD}<BJXX><TOU><BWBH>BJ2026{number:04d}</BWBH></TOU><BJ><LSH>LSB{number:03d}</LSH>"
        f"<BJBH>QSXK-2026-{number:04d}</BJBH><SXBM>{ITEM_CODE}</SXBM><BJJG>01</BJJG><BJSJ>2026年3月1{number}日</BJSJ>"
        "<BJYJ>同意</BJYJ></BJ></BJXX>"
    ).encode("gbk")


def a_document(**changes: Any) -> dict[str, Any]:
    """A small finished document for the acceptances, with one sample that passes."""
    fields = {
        "recordId": {"from": "LSH"}, "caseNo": {"from": "BJBH"}, "itemCode": {"from": "SXBM"},
        "orgCode": {"department": "orgCode"}, "stepSeq": {"from": "HJXH", "convert": ["whole"]},
        "stepName": {"from": "HJMC"}, "stepStatus": {"from": "HJZT", "codes": "hjzt"},
        "handledAt": {"from": "SLSJ", "convert": ["datetime"]}, "officerName": {"from": "SLRY"},
    }  # fmt: skip
    document = {
        "specVersion": 1, "adapter": "shuili-qsxk", "title": "水利局取水许可", "department": {"orgCode": "33032400SL"},
        "intake": {"format": "xml", "encodings": ["gb18030"], "units": [{"name": "SL", "select": "//SL"}]},
        "routes": [{"name": "受理", "unit": "SL", "store": "PROCESS", "fields": fields}],
        "codeMaps": {"hjzt": {"target": "stepStatus", "values": {"1": "ACCEPTED"}}},
        "samples": [a_sample()],
    }  # fmt: skip
    return document | changes


def a_sample(name: str = "一件受理", body: bytes | None = None, **expect: Any) -> dict[str, Any]:
    content = {
        "recordId": "LS001", "caseNo": "QSXK-2026-0001", "itemCode": ITEM_CODE, "orgCode": "33032400SL", "stepSeq": 1,
        "stepName": "受理", "stepStatus": "ACCEPTED", "handledAt": "2026-03-01T10:30:00+08:00",
        "officerName": "经办人丙",
    }  # fmt: skip
    kept = {"base64": b64encode(body or an_acceptance()).decode()}
    return {"name": name, **kept, "expect": expect or {"records": [{"store": "PROCESS", "content": content}]}}
