import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from adapters.contract import CONTRACT_NS, normalise, read_element, read_json
from adapters.xml_text import hardened_parser
from hub.cli.failures import ExitCode
from hub.cli.main import COMMANDS, NOUNS
from hub.config import Settings
from hub.domain import codes
from hub.domain.fields import Group, field_specs
from hub.domain.records import ITEM, PROCESS, RECORD_KINDS, RESULT

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "THIRD_PARTY.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands() -> set[str]:
    verbs = {
        f"{name} {verb.name or verb.callback.__name__}"
        for name, noun in NOUNS.items()
        for verb in noun.app.registered_commands
    }
    alone = {f"{name} " for name, noun in NOUNS.items() if noun.stands_alone}
    return verbs | alone | {command.__name__ for command in COMMANDS}


def commands_named_in(text: str) -> Iterator[str]:
    """`hub NOUN VERB` or `hub COMMAND` in code of a document, inline or in a block."""
    code = "\n".join(re.findall(r"^```.*?^```|`[^`\n]+`", text, re.M | re.S))
    for noun, verb in re.findall(r"(?:^|[`/])hub ([a-z]+)(?: ([a-z]+))?\b", code, re.M):
        yield f"{noun} {verb}" if noun in NOUNS else noun


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_named_in_a_document_exists(document):
    unknown = set(commands_named_in(document.read_text(encoding="utf-8"))) - commands()
    assert unknown == set()


def test_readme_names_commands():
    assert {"init", "serve", "send", "sender add", "card explain"} <= set(commands_named_in(README))


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"[(`]((?:docs|wsdl|schemas|requirements)/[\w./-]*)[)`]", README)))
)
def test_every_path_named_in_the_readme_exists(path):
    assert (ROOT / path).exists()


def test_every_target_named_in_the_readme_is_in_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake ([a-z]+)", README)):
        assert re.search(rf"^{target}:", makefile, re.M), target


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented_with_its_description(name):
    field = Settings.model_fields[name]
    assert f"| `HUB_{name.upper()}` | {field.description} |" in OPERATIONS


def test_no_other_setting_is_documented():
    documented = set(re.findall(r"^\| `HUB_(\w+)` \|", OPERATIONS, re.M))
    assert documented == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("code", list(ExitCode))
def test_every_exit_code_is_documented(code):
    assert re.search(rf"^\| {code} \|", OPERATIONS, re.M)


@pytest.mark.parametrize("titles", [codes.RECEIPT_STATES, codes.RECORD_STATES, codes.CASE_STATES, codes.CARD_STATES])
def test_every_state_is_documented(titles):
    for token, title in titles.items():
        assert f"`{token}` {title}" in OPERATIONS


def record_classes() -> Iterator[type]:
    waiting: list[type] = [kind.record for kind in RECORD_KINDS.values()]
    seen: set[type] = set()
    while waiting:
        record = waiting.pop()
        if record not in seen:
            seen.add(record)
            yield record
            waiting.extend(spec.kind.record for spec in field_specs(record) if isinstance(spec.kind, Group))


@pytest.mark.parametrize("record", list(record_classes()), ids=lambda record: record.__name__)
def test_glossary_covers_every_field_of_every_record(record):
    for spec in field_specs(record):
        assert f"| {spec.title} | `{spec.wire}` | {spec.presence.value} |" in GLOSSARY


@pytest.mark.parametrize("code_list", codes.CODE_LISTS.values(), ids=lambda code_list: code_list.name)
def test_glossary_covers_every_code(code_list):
    for token, title in code_list.titles.items():
        assert f"`{token}` {title}" in GLOSSARY


def test_every_error_code_named_in_a_document_is_catalogued():
    catalogue = tomllib.loads((ROOT / "schemas" / "errors.toml").read_text(encoding="utf-8"))
    for document in DOCUMENTS:
        assert set(re.findall(r"HUB-\d{4}", document.read_text(encoding="utf-8"))) <= set(catalogue), document.name


def test_sample_process_message_passes_the_contract():
    root = etree.fromstring((ROOT / "docs" / "samples" / "process.xml").read_bytes(), hardened_parser())
    for element in root.findall(f"{{{CONTRACT_NS}}}record"):
        normalise(element)
        reading = read_element(PROCESS, element)
        assert (reading.issues, reading.notes) == ((), ())


@pytest.mark.parametrize(("name", "kind"), [("items.json", ITEM), ("results.json", RESULT)])
def test_sample_json_passes_the_contract(name, kind):
    for value in json.loads((ROOT / "docs" / "samples" / name).read_text(encoding="utf-8"))["records"]:
        assert read_json(kind, value).issues == ()


RELIABILITY = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("path", "name"), re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", RELIABILITY))
def test_every_test_that_vouches_for_a_fault_exists(path, name):
    assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


def test_every_fault_says_how_it_was_tested_or_why_not():
    rows = [line.split(" | ") for line in RELIABILITY.splitlines() if re.match(r"\| F-\d\d ", line)]
    assert [row[0][2:] for row in rows] == [f"F-{number:02}" for number in range(1, len(rows) + 1)]
    for row in rows:
        assert len(row) == 5, row
        assert row[3].startswith(("已做", "部分：", "未做：", "部分", "依赖数据库", "同一机制", "未做")), row
