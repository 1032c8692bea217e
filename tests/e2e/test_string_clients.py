"""What toolkits see of a string door: proxies generated from its `?wsdl`, and old programs that never read one."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree

from tests.adapter_doors import STRING_TRANSPORT, StringDoor, a_document, a_message, a_step_xml, open_string_door
from tests.e2e.clients.toolkits import AXIS_JARS, CLIENTS, JARS, Workplace, run
from tests.fakes import SECRET

STRINGS = CLIENTS / "strings"
CLASS_PATH = ":".join(str(JARS / f"{jar}.jar") for jar in AXIS_JARS.split())
OFFICER = '喆㛃䶮𬭎 <甲> & "乙"'
pytestmark = pytest.mark.timeout(300)


def _node(place: Workplace) -> list[str]:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(CLIENTS / "node" / name, place.cache)
    shutil.copy(STRINGS / "client.js", place.cache)
    if not (place.cache / "node_modules" / "soap").is_dir():
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], place.cache)
    return ["node", str(place.cache / "client.js")]


def _axis(place: Workplace, client: str) -> list[str]:
    sources = [str(path) for path in place.folder.rglob("*.java")]
    class_path = f"{place.folder}:{CLASS_PATH}"
    shared = ["-nowarn", "-encoding", "UTF-8", "-cp", class_path, "-d", str(place.folder)]
    run(["javac", *shared, *sources, str(STRINGS / f"{client}.java")], place.folder)
    return ["java", "-cp", class_path, "-Dfile.encoding=UTF-8", client]


def _axis_generated(place: Workplace) -> list[str]:
    generator = ["java", "-Dfile.encoding=UTF-8", "-cp", CLASS_PATH, "org.apache.axis.wsdl.WSDL2Java"]
    run([*generator, "-o", str(place.folder), place.wsdl_url], place.folder)
    return _axis(place, "GeneratedClient")


def _axis_dynamic(place: Workplace) -> list[str]:
    return _axis(place, "DynamicClient")


def _php(place: Workplace) -> list[str]:
    return ["php", str(STRINGS / "client.php")]


def _perl(place: Workplace) -> list[str]:
    return ["perl", str(STRINGS / "client.pl")]


Build = Callable[[Workplace], list[str]]
CALLERS: dict[str, tuple[str, Build, tuple[str, ...]]] = {
    "node-soap wrapped": ("wrapped", _node, ("node", "npm")),
    "node-soap rpc": ("rpc", _node, ("node", "npm")),
    "php wrapped": ("wrapped", _php, ("php",)),
    "php rpc": ("rpc", _php, ("php",)),
    "axis 1.4 wrapped": ("wrapped", _axis_generated, ("javac", str(JARS / "axis.jar"))),
    "axis 1.4 rpc": ("rpc", _axis_generated, ("javac", str(JARS / "axis.jar"))),
    "axis 1.4 without a wsdl": ("rpc", _axis_dynamic, ("javac", str(JARS / "axis.jar"))),
    "SOAP::Lite without a wsdl": ("rpc", _perl, ("perl", "/usr/share/perl5/SOAP/Lite.pm")),
}


@pytest.fixture
def door() -> Iterator[StringDoor]:
    with open_string_door() as opened:
        yield opened


@pytest.mark.parametrize("caller", CALLERS)
def test_old_program_gets_its_receipt_as_a_string(
    caller: str, door: StringDoor, tmp_path: Path, pytestconfig: pytest.Config
):
    style, build, needs = CALLERS[caller]
    missing = [need for need in needs if shutil.which(need) is None and not Path(need).exists()]
    if missing:
        pytest.skip(f"not on this machine: {' '.join(missing)}")
    door.put(a_document(transport=dict(STRING_TRANSPORT) | {"style": style}))
    escaped = OFFICER.replace("&", "&amp;").replace("<", "&lt;")
    message = '<?xml version="1.0" encoding="gb2312"?>' + a_message(a_step_xml(BLR=escaped))
    file = tmp_path / "message.xml"
    file.write_text(message, encoding="utf-8")
    wsdl_url = door.address() + "?wsdl"
    command = build(Workplace(tmp_path, wsdl_url, pytestconfig.cache.mkdir("soap-node-soap")))
    said = dict(line.split("=", 1) for line in run([*command, wsdl_url, SECRET, str(file)], tmp_path).splitlines())

    receipt = etree.fromstring(said["reply"])
    assert (receipt.findtext("Status"), receipt.findtext("MessageId")) == ("ACCEPTED", "p-1")
    assert "凭据" in said["fault"] or "密钥" in said["fault"]
    stored = door.exchange.envelopes["p-1"].body.decode()
    assert etree.fromstring(stored).findtext("step/BLR") == OFFICER
