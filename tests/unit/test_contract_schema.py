import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from lxml import etree

from adapters.contract import CONTRACT_NS, normalise, read_element, read_json, write_element
from adapters.contract_schema import OPERATIONS, json_schema, record_schema, types_xsd, wsdl
from hub.domain.fields import Code, Day, FieldSpec, Flag, Group, Instant, Money, Presence, Text, Whole, field_specs
from hub.domain.record_checks import cross_field_issues
from hub.domain.record_json import to_json
from hub.domain.records import ITEM, PROCESS, RECORD_KINDS, RESULT, RecordKind
from tools.write_contract import differing_files, published_files, write_files

ROOT = Path(__file__).resolve().parents[2]
NAMES = {
    "xs": "http://www.w3.org/2001/XMLSchema",
    "wsdl": "http://schemas.xmlsoap.org/wsdl/",
    "soap": "http://schemas.xmlsoap.org/wsdl/soap/",
    "soap12": "http://schemas.xmlsoap.org/wsdl/soap12/",
}
ADDRESS = "https://hub.example/soap/exchange/v1"
KINDS = list(RECORD_KINDS.values())
SCHEMAS = {kind.name: etree.XMLSchema(etree.fromstring(record_schema(kind))) for kind in KINDS}
WHOLE_SCHEMA = etree.XMLSchema(etree.fromstring(types_xsd()))

# --- records made from their own declaration ---

_SIGNS = st.sampled_from("喆㛃䶮𬭎事项〔〕aZ09<>&'\" \t\n\u3000\u00a0\ue000\U0010fffd")


def _texts(longest: int) -> st.SearchStrategy[str]:
    return st.text(_SIGNS, min_size=1, max_size=min(longest, 40)).map(str.strip).filter(bool)


VALUES = {
    Text: lambda kind: _texts(kind.max_length),
    Code: lambda kind: st.sampled_from(sorted(kind.codes.titles)),
    Whole: lambda kind: st.integers(kind.minimum, kind.maximum),
    Money: lambda kind: st.decimals(0, Decimal("99999999999999.99"), places=2),
    Instant: lambda kind: st.datetimes(datetime(1000, 1, 2), datetime(2999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    Day: lambda kind: st.dates(date(1000, 1, 1), date(2999, 12, 31)),
    Flag: lambda kind: st.booleans(),
    Group: lambda kind: records_of(kind.record),
}  # fmt: skip


def _field_values(spec: FieldSpec) -> st.SearchStrategy[Any]:
    values = VALUES[type(spec.kind)](spec.kind)
    if spec.many:
        return st.lists(values, max_size=2).map(tuple)
    return values if _is_must(spec) else st.none() | values


def records_of(record: type) -> st.SearchStrategy[Any]:
    specs = [spec for spec in field_specs(record) if spec.wire != "revision"]
    built = st.builds(record, **{spec.name: _field_values(spec) for spec in specs})
    return built.filter(lambda made: made != record()) if not any(map(_is_must, specs)) else built  # empty means absent


def _is_must(spec: FieldSpec) -> bool:
    return spec.presence is Presence.MUST


def taken_records(kind: RecordKind) -> st.SearchStrategy[Any]:
    return records_of(kind.record).filter(lambda record: not cross_field_issues(record))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_written_record_is_valid_and_is_read_back_the_same(kind: RecordKind, data: st.DataObject):
    record = data.draw(taken_records(kind))
    element = etree.fromstring(etree.tostring(write_element(record, kind.element)))
    SCHEMAS[kind.name].assertValid(element)
    assert read_element(kind, element).record == record


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_json_record_is_valid_and_is_read_back_the_same(kind: RecordKind, data: st.DataObject):
    record = data.draw(taken_records(kind))
    value = json.loads(json.dumps(to_json(record)))
    assert [error.json_path for error in Draft202012Validator(json_schema(kind)).iter_errors(value)] == []
    assert read_json(kind, value).record == record


# --- reader and schema agree ---

ITEM_VALUES = {
    "itemCode": "33032400AJ-CF-0003", "itemName": "对违法行为的处罚", "itemType": "CF", "handlingClass": "PROMISE",
    "orgCode": "330324AJ", "orgName": "样例局", "legalBasis": "某法第一条", "acceptConditions": "无",
    "isCharged": "false", "promisedLimit": "5", "promisedLimitUnit": "WORKING_DAY", "address": "样例路 1 号",
    "phone": "12345", "supervisionPhone": "12345",
}  # fmt: skip
PROCESS_VALUES = {
    "recordId": "R-1", "caseNo": "C-1", "itemCode": "33032400AJ-CF-0003", "orgCode": "330324AJ", "stepSeq": "1",
    "stepName": "受理", "stepStatus": "ACCEPTED", "handledAt": "2026-03-02T10:00:00+08:00",
}  # fmt: skip
RESULT_VALUES = {
    "recordId": "R-2", "caseNo": "C-1", "itemCode": "33032400AJ-CF-0003", "orgCode": "330324AJ",
    "resultStatus": "GRANTED", "finishedAt": "2026-03-09T10:00:00",
}  # fmt: skip
BASES = {"ITEM": ITEM_VALUES, "PROCESS": PROCESS_VALUES, "RESULT": RESULT_VALUES}


def element_of(kind: RecordKind, **changes: str | None) -> etree._Element:
    """A small valid record with fields set, or left out (None), in contract order."""
    values = BASES[kind.name] | changes
    known = [spec.wire for spec in field_specs(kind.record)]
    element = etree.Element(f"{{{CONTRACT_NS}}}{kind.element}")
    for name in sorted(values, key=lambda name: known.index(name) if name in known else len(known)):
        if values[name] is not None:
            etree.SubElement(element, f"{{{CONTRACT_NS}}}{name}").text = values[name]
    normalise(element)
    return element


GOOD = [
    (PROCESS, {}), (ITEM, {}), (RESULT, {}),
    (PROCESS, {"handledAt": "2028-02-29T23:59:59.1234567"}),
    (PROCESS, {"handledAt": "2026-03-02T24:00:00Z"}),
    (PROCESS, {"handledAt": " 2026-03-02T10:00:00-05:00\n"}),
    (PROCESS, {"stepSeq": " +007 "}),
    (PROCESS, {"stepStatus": "外来代码"}),
    (PROCESS, {"opinion": ""}), (PROCESS, {"opinion": " \u3000 "}), (PROCESS, {"opinion": "字" * 4000}),
    (PROCESS, {"officerName": "喆㛃䶮𬭎" * 25}),
    (RESULT, {"paid": "0"}), (RESULT, {"paid": "1."}), (RESULT, {"paid": "+0012.500"}),
    (RESULT, {"paid": "99999999999999.99"}), (RESULT, {"satisfaction": "5"}),
    (ITEM, {"isCharged": "1"}), (ITEM, {"validFrom": "2028-02-29"}),
]  # fmt: skip
BAD = [
    (PROCESS, {"recordId": None}, "HUB-3001"), (PROCESS, {"recordId": " "}, "HUB-3001"),
    (PROCESS, {"unheardOf": "x"}, "HUB-3002"), (PROCESS, {"Opinion": "x"}, "HUB-3002"),
    (PROCESS, {"stepSeq": "1.0"}, "HUB-3004"), (PROCESS, {"stepSeq": "一"}, "HUB-3004"),
    (PROCESS, {"stepSeq": "1" * 30}, "HUB-3004"), (PROCESS, {"stepSeq": "0"}, "HUB-3006"),
    (PROCESS, {"stepSeq": "-1"}, "HUB-3006"), (PROCESS, {"stepSeq": "100000"}, "HUB-3006"),
    (PROCESS, {"stepStatus": "S" * 33}, "HUB-3005"), (PROCESS, {"opinion": "字" * 4001}, "HUB-3005"),
    (PROCESS, {"orgCode": "3" * 19}, "HUB-3005"), (PROCESS, {"handledAt": "2027-02-29T10:00:00"}, "HUB-3007"),
    (PROCESS, {"handledAt": "2026-03-02 10:00:00"}, "HUB-3007"), (PROCESS, {"handledAt": "2026-03-02"}, "HUB-3007"),
    (PROCESS, {"handledAt": "0001-01-01T00:00:00"}, "HUB-3007"),
    (PROCESS, {"handledAt": "2026-03-02T10:00:60"}, "HUB-3007"),
    (PROCESS, {"handledAt": "2026-03-02T10:00:00.1234567890123"}, "HUB-3007"),
    (PROCESS, {"handledAt": "２０２６-03-02T10:00:00"}, "HUB-3007"),
    (RESULT, {"paid": "-0.01"}, "HUB-3004"), (RESULT, {"paid": "1,000"}, "HUB-3004"),
    (RESULT, {"paid": ".5"}, "HUB-3004"), (RESULT, {"paid": "1.234"}, "HUB-3004"),
    (RESULT, {"paid": "1e3"}, "HUB-3004"), (RESULT, {"paid": "-0"}, "HUB-3004"),
    (RESULT, {"paid": "123456789012345"}, "HUB-3004"), (RESULT, {"satisfaction": "6"}, "HUB-3006"),
    (RESULT, {"finishedAt": None}, "HUB-3001"), (ITEM, {"isCharged": "是"}, "HUB-3004"),
    (ITEM, {"isCharged": "TRUE"}, "HUB-3004"), (ITEM, {"validFrom": "2027-02-29"}, "HUB-3007"),
    (ITEM, {"validFrom": "2026-03-02Z"}, "HUB-3007"), (ITEM, {"validFrom": "2026-3-2"}, "HUB-3007"),
    (ITEM, {"phone": None}, "HUB-3001"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "changes"), GOOD)
def test_reader_and_schema_take_the_same_records(kind: RecordKind, changes: dict[str, str | None]):
    element = element_of(kind, **changes)
    SCHEMAS[kind.name].assertValid(element)
    assert read_element(kind, element).issues == ()


@pytest.mark.parametrize(("kind", "changes", "code"), BAD)
def test_reader_and_schema_refuse_the_same_records(kind: RecordKind, changes: dict[str, str | None], code: str):
    element = element_of(kind, **changes)
    assert not SCHEMAS[kind.name].validate(element)
    assert [(issue.code, issue.path) for issue in read_element(kind, element).issues] == [(code, *changes)]


_VALUE_TEXTS = st.one_of(
    st.text("0123456789+-.:TZ eE", max_size=30),
    st.from_regex(r"[12][0-9]{3}-[01][0-9]-[0-3][0-9]", fullmatch=True),
    st.from_regex(r"2[0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9](:[0-6][0-9]){2}(\.[0-9]{1,13})?Z?", fullmatch=True),
    st.from_regex(r"2026-03-02T24:0[01]:00[+-][01][0-9]:[0-9]0", fullmatch=True),
    st.sampled_from(["true", "false", "TRUE", "1", "0", "", " ", "NaN", "INF", "24:00:00"]),
    _texts(40),
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "field"),
    [(PROCESS, "stepSeq"), (PROCESS, "startedAt"), (PROCESS, "stepStatus"), (PROCESS, "orgCode"), (RESULT, "paid"),
     (RESULT, "satisfaction"), (ITEM, "validFrom"), (ITEM, "isCharged")],
)  # fmt: skip
@settings(max_examples=100, deadline=None)
@given(text=_VALUE_TEXTS)
def test_what_the_schema_takes_the_reader_takes(kind: RecordKind, field: str, text: str):
    element = element_of(kind, **{field: text})
    if SCHEMAS[kind.name].validate(element):
        assert read_element(kind, element).issues == ()


def test_fields_out_of_order_are_refused_by_the_schema():
    element = element_of(PROCESS)
    element.append(element[0])
    assert not SCHEMAS["PROCESS"].validate(element)


# --- files ---


def test_committed_files_are_what_the_code_generates():
    assert differing_files(ROOT) == []


def test_changed_or_missing_file_is_named(tmp_path: Path):
    write_files(tmp_path)
    (tmp_path / "wsdl/exchange-v1.xsd").write_bytes(b"")
    (tmp_path / "schemas/codes/idType.csv").unlink()
    assert differing_files(tmp_path) == ["wsdl/exchange-v1.xsd", "schemas/codes/idType.csv"]


def test_generating_twice_gives_the_same_bytes():
    assert published_files() == published_files()


def test_schema_inside_the_wsdl_equals_the_published_schema():
    (inline,) = etree.fromstring(wsdl(ADDRESS)).iterfind(".//xs:schema", NAMES)
    alone = etree.fromstring(types_xsd())
    strip = etree.XMLParser(remove_blank_text=True)
    texts = [etree.tostring(etree.fromstring(etree.tostring(node, method="c14n", exclusive=True), strip), method="c14n")
             for node in (inline, alone)]  # fmt: skip
    assert texts[0] == texts[1]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_json_schema_is_a_valid_schema(kind: RecordKind):
    Draft202012Validator.check_schema(json_schema(kind))


# --- WSDL ---


def test_schema_uses_nothing_that_old_toolkits_cannot_read():
    plain = {"schema", "annotation", "documentation", "simpleType", "restriction", "complexType", "sequence", "element"}
    facets = {"pattern", "minLength", "maxLength", "minInclusive", "maxInclusive", "totalDigits", "fractionDigits"}
    schema = etree.fromstring(types_xsd())
    assert {etree.QName(node).localname for node in schema.iter()} == plain | facets
    assert schema.xpath("//@nillable | //@abstract | //@substitutionGroup") == []


def test_every_operation_is_bound_in_both_soap_versions_with_its_action():
    description = etree.fromstring(wsdl(ADDRESS))
    expected = {operation.name: f"{CONTRACT_NS}:{operation.name}" for operation in OPERATIONS}
    for prefix in ("soap", "soap12"):
        (binding,) = description.xpath(f"wsdl:binding[{prefix}:binding]", namespaces=NAMES)
        bound = binding.iterfind(f".//{prefix}:operation", NAMES)
        assert {node.getparent().get("name"): node.get("soapAction") for node in bound} == expected


def test_wsdl_names_service_ports_and_address_as_the_contract_does():
    (service,) = etree.fromstring(wsdl(ADDRESS)).iterfind("wsdl:service", NAMES)
    assert service.get("name") == "CountyExchange"
    ports = [port.get("name") for port in service.iterfind("wsdl:port", NAMES)]
    assert ports == ["CountyExchangePort", "CountyExchangePort12"]
    assert service.xpath("wsdl:port/*/@location", namespaces=NAMES) == [ADDRESS, ADDRESS]


def test_every_reference_inside_the_wsdl_is_declared():
    description = etree.fromstring(wsdl(ADDRESS))
    references = "//@message | //@element | //@binding | //wsdl:binding/@type | //xs:element/@type | //@base"
    referred = set(description.xpath(references, namespaces=NAMES))
    declared = {f"tns:{name}" for name in description.xpath("/*/*/@name | /*/*/xs:schema/*/@name", namespaces=NAMES)}
    assert {name for name in referred if not name.startswith("xs:")} <= declared


def test_hub_fault_is_declared_on_every_operation_and_bound_in_soap_11_only():
    description = etree.fromstring(wsdl(ADDRESS))
    for operation in description.xpath("//wsdl:portType/wsdl:operation", namespaces=NAMES):
        assert [fault.get("name") for fault in operation.iterfind("wsdl:fault", NAMES)] == ["hubFault"]
    bound = description.xpath(
        "count(//wsdl:binding/wsdl:operation/wsdl:fault[soap:fault/@name = 'hubFault'])", namespaces=NAMES
    )
    assert bound == len(OPERATIONS)
    assert description.find(".//soap12:fault", NAMES) is None


ANSWERS = """
<a xmlns="urn:county-hub:exchange:v1">
<queryReceiptResponse><receipt><receiptNo>1</receiptNo><messageId>m</messageId><status>PARTIAL</status>
<receivedAt>2026-03-02T10:00:00+08:00</receivedAt><digest>00</digest><acceptedCount>1</acceptedCount>
<rejectedCount>1</rejectedCount><error><seq>2</seq><code>HUB-3001</code><path>record[2]/caseNo</path>
<message>缺少必填项</message></error><recordState><seq>1</seq><recordId>R</recordId><state>STORED</state></recordState>
</receipt></queryReceiptResponse>
<reconcileResponse><date>2026-03-02</date><digest>00</digest><count><recordKind>PROCESS</recordKind>
<state>STORED</state><count>2</count></count></reconcileResponse>
<pingResponse><serverTime>2026-03-02T10:00:00+08:00</serverTime><contract>v1</contract></pingResponse>
<hubFault><code>HUB-4041</code><traceId>t</traceId><retryable>false</retryable></hubFault>
<ping/>
</a>
"""


@pytest.mark.parametrize("answer", etree.fromstring(ANSWERS), ids=lambda node: etree.QName(node).localname)
def test_answers_of_the_contract_are_valid(answer: etree._Element):
    WHOLE_SCHEMA.assertValid(etree.fromstring(etree.tostring(answer, with_tail=False)))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_record_schema_knows_the_record_element_only(kind: RecordKind):
    elements = etree.fromstring(record_schema(kind)).findall("xs:element", NAMES)
    assert [element.get("name") for element in elements] == [kind.element]
