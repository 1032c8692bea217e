"""The WSDL of string adapters, as toolkits read it."""

from pathlib import Path
from typing import Any

import pytest
import suds.client
import zeep
from lxml import etree

from adapters.document import check_document
from adapters.engine import compile_adapter
from adapters.library import shipped_document
from adapters.string_wsdl import StringService, Style, string_service, string_wsdl
from hub.domain.errors import RejectedError

ADDRESS = "https://hub.example/soap/string/paras/v1"
NAMES = {"w": "http://schemas.xmlsoap.org/wsdl/", "s": "http://schemas.xmlsoap.org/wsdl/soap/"}
MESSAGE = {"name": "ParasXml", "role": "message"}
SECRET = {"name": "ValidateData", "role": "secret"}
SENDER = {"name": "UserCode", "role": "sender"}


def a_service(**transport: Any) -> StringService:
    values = {
        "kind": "soap_string",
        "namespace": "http://tempuri.org/",
        "operation": "PushProcess",
        "parameters": [SECRET, MESSAGE],
    }
    return string_service(values | transport, "旧审批系统")


def a_wsdl_file(folder: Path, service: StringService) -> str:
    path = folder / "service.wsdl"
    path.write_bytes(string_wsdl(service, ADDRESS))
    return str(path)


SIGNATURES = [
    ("wrapped", [SECRET, MESSAGE], "ValidateData: xsd:string, ParasXml: xsd:string"),
    ("wrapped", [MESSAGE], "ParasXml: xsd:string"),
    ("rpc", [SENDER, SECRET, MESSAGE], "UserCode: xsd:string, ValidateData: xsd:string, ParasXml: xsd:string"),
    ("bare", [MESSAGE], "xsd:string"),
]


@pytest.mark.parametrize(("style", "parameters", "request_signature"), SIGNATURES)
def test_zeep_sees_one_operation_of_strings(
    tmp_path: Path, style: str, parameters: list[dict[str, str]], request_signature: str
):
    client = zeep.Client(a_wsdl_file(tmp_path, a_service(style=style, parameters=parameters)))
    (operation,) = client.service._binding._operations.values()
    assert operation.name == "PushProcess"
    assert operation.input.signature() == request_signature
    assert "xsd:string" in operation.output.signature()


@pytest.mark.parametrize("style", ["wrapped", "rpc"])
def test_suds_sees_the_same_parameters(tmp_path: Path, style: str):
    path = Path(a_wsdl_file(tmp_path, a_service(style=style)))
    client = suds.client.Client(path.as_uri(), cache=None)
    (port,) = client.wsdl.services[0].ports
    method = port.methods["PushProcess"]
    assert [name for name, *_ in method.binding.input.param_defs(method)] == ["ValidateData", "ParasXml"]


def test_names_of_the_document_stand_in_the_description():
    service = a_service(
        service="ExchangeService", port="ExchangeSoap", soapAction="http://tempuri.org/PushProcess", resultName="return"
    )
    root = etree.fromstring(string_wsdl(service, ADDRESS))
    assert root.get("targetNamespace") == "http://tempuri.org/"
    assert root.xpath("string(w:service/@name)", namespaces=NAMES) == "ExchangeService"
    assert root.xpath("string(w:service/w:port/@name)", namespaces=NAMES) == "ExchangeSoap"
    assert root.xpath("string(w:service/w:port/s:address/@location)", namespaces=NAMES) == ADDRESS
    assert root.xpath("string(//s:operation/@soapAction)", namespaces=NAMES) == "http://tempuri.org/PushProcess"
    assert root.xpath("boolean(//*[@name='return'])")


def test_defaults_are_what_the_toolkits_of_each_style_write():
    wrapped, rpc = a_service(), a_service(style="rpc")
    assert (wrapped.name, wrapped.port) == ("PushProcessService", "PushProcessServiceSoap")
    assert (wrapped.result, wrapped.qualified, wrapped.style) == ("PushProcessResult", True, Style.WRAPPED)
    assert (rpc.result, rpc.qualified) == ("PushProcessReturn", False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"parameters": [SECRET]},
        {"parameters": [MESSAGE, {"name": "other", "role": "message"}]},
        {"parameters": [MESSAGE, {"name": "ParasXml", "role": "secret"}]},
        {"style": "bare"},
        {"style": "bare", "parameters": [MESSAGE], "resultName": "ParasXml"},
    ],
)
def test_a_service_that_no_client_could_be_built_for_is_refused(wrong: dict[str, Any]):
    with pytest.raises(RejectedError) as refusal:
        a_service(**wrong)
    assert refusal.value.code == "HUB-1030"


def test_a_document_with_such_a_service_does_not_compile():
    document = shipped_document("soap-paras")
    document["transport"]["parameters"] = [SECRET]
    with pytest.raises(RejectedError) as refusal:
        compile_adapter(document)
    assert (refusal.value.code, refusal.value.path) == ("HUB-1030", "transport/parameters")


def test_an_adapter_of_another_kind_has_no_string_service():
    with pytest.raises(RejectedError) as refusal:
        string_service({"kind": "push"}, "x")
    assert refusal.value.code == "HUB-1031"


def test_shipped_document_describes_what_old_asmx_clients_know(tmp_path: Path):
    document = shipped_document("soap-paras")
    client = zeep.Client(a_wsdl_file(tmp_path, string_service(document["transport"], document["title"])))
    (operation,) = client.service._binding._operations.values()
    assert operation.input.signature() == "ValidateData: xsd:string, ParasXml: xsd:string"


NAMES_THAT_ARE_NONE = ["", "1st", "a b", "a:b", "x" * 65, "<a>"]


@pytest.mark.parametrize("name", NAMES_THAT_ARE_NONE)
@pytest.mark.parametrize("place", ["operation", "resultName", "service", "port"])
def test_names_that_no_wsdl_could_hold_are_refused_with_the_document(place: str, name: str):
    document = shipped_document("soap-paras")
    document["transport"] |= {place: name}
    with pytest.raises(RejectedError) as refusal:
        check_document(document)
    assert refusal.value.path == f"transport/{place}"
