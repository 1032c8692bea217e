"""`hub adapter`, over a database of its own: every verb, and one document through file, command line and REST."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.document import dump_document, load_document
from hub.cli.adapter import noun
from hub.cli.main import run
from hub.stores.session import Database
from tests.adapted_hub import CODE, AdaptedHub, a_document, a_unit, with_field, without_samples
from tests.builders import ORG_CODE, a_small_hub
from tests.integration.rest_door import a_rest_door

Verb = Callable[..., str]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HUB_SECRET_KEY", "a secret of the tests")
    yield opened
    opened.dispose()


@pytest.fixture
def hub(database: Database) -> AdaptedHub:
    return AdaptedHub.over(a_small_hub(database))


@pytest.fixture
def verb(hub: AdaptedHub, capsys: pytest.CaptureFixture[str]) -> Verb:
    """Runs a verb and gives what it wrote, result and remarks."""

    def called(*arguments: str, code: int = 0) -> str:
        ended = run(["adapter", *arguments])
        told = capsys.readouterr()
        assert ended == code, told.err
        return told.out + told.err

    return called


@pytest.fixture
def file(tmp_path: Path) -> Callable[[Any], str]:
    def written(document: Any) -> str:
        path = tmp_path / "adapter.yaml"
        path.write_text(dump_document(document), encoding="utf-8")
        return str(path)

    return written


def in_force(verb: Verb, path: str) -> None:
    verb("import", path)
    verb("sandbox", CODE)
    verb("activate", CODE)


def test_a_document_goes_from_file_to_force(verb: Verb, file: Callable[[Any], str]) -> None:
    path = file(a_document())
    assert "样例 1 个，不符 0 个" in verb("validate", path)
    assert "第 1 版草稿" in verb("import", path)
    assert "沙箱" in verb("sandbox", CODE)
    assert "运行" in verb("activate", CODE)
    shown = json.loads(verb("show", CODE, "--json"))
    assert (shown["state"], shown["version"], shown["sender"]) == ("ACTIVE", 1, "gs-system")
    assert "可以：停用" in verb("show", CODE)
    listed = json.loads(verb("list", "--state", "ACTIVE", "--json"))
    assert CODE in [row["adapter"] for row in listed["items"]]


def test_a_document_whose_samples_fail_ends_with_three(verb: Verb, file: Callable[[Any], str]) -> None:
    wrong = a_document()
    wrong["samples"][0]["expect"]["records"][0]["content"]["caseNo"] = "another"
    assert "不符" in verb("validate", file(wrong), code=3)


def test_what_is_wrong_is_told_with_code_and_path(verb: Verb, file: Callable[[Any], str], tmp_path: Path) -> None:
    unknown = without_samples(a_document())
    unknown["codeMaps"].pop("jg")
    path = tmp_path / "wrong.yaml"
    path.write_text(json.dumps(unknown, ensure_ascii=False), encoding="utf-8")
    assert "HUB-3023" in verb("validate", str(path), code=3)
    path.write_bytes("标题: 测试".encode("gb18030"))
    assert "HUB-3020" in verb("validate", str(path), code=3)
    assert "HUB-4043" in verb("import", str(tmp_path / "nowhere.yaml"), code=4)
    assert "HUB-4006" in verb("import", code=2)


def test_file_command_line_and_rest_tell_the_same_document(
    verb: Verb, file: Callable[[Any], str], hub: AdaptedHub
) -> None:
    verb("import", file(a_document()))
    exported = verb("export", CODE)
    assert load_document(exported) == a_document()
    door = a_rest_door(hub.small)
    staff = door.bearer("it_staff")
    address = f"/api/v1/adapters/{CODE}"
    told = door.client.get(f"{address}/document", headers=staff | {"Accept": "application/yaml"})
    assert told.text.strip() == exported.strip()
    kept = door.client.put(address, headers=staff | {"If-Match": "*"}, content=exported.encode())
    assert kept.headers["etag"] == told.headers["etag"]
    assert verb("export", CODE) == exported


def test_a_shipped_document_is_taken_over_for_a_department(verb: Verb) -> None:
    assert "inf-tables" in verb("list", "--library")
    verb(
        "import", "--shipped", "soap-paras", "--code", "old-gs", "--sender", "gs-system", "--org", ORG_CODE,
        "--org-name", "样例局", "--push",
    )  # fmt: skip
    document = load_document(verb("export", "old-gs"))
    assert (document["sender"], document["department"]["orgCode"]) == ("gs-system", ORG_CODE)
    assert document["transport"] == {"kind": "push"}
    assert "HUB-4045" in verb("import", "--shipped", "no-such", code=4)


def test_a_new_version_is_tried_compared_and_taken_back(
    verb: Verb, file: Callable[[Any], str], hub: AdaptedHub
) -> None:
    in_force(verb, file(a_document()))
    hub.push(a_unit())
    verb("import", file(with_field(a_document(), "officerName", {"constant": "经办人戊"})))
    assert "经办人" in verb("diff", CODE, "1", "2")
    rehearsed = json.loads(verb("dry-run", CODE, "--json"))
    assert (rehearsed["messages"], rehearsed["changedMessages"]) == (1, 1)
    assert "officerName" in verb("dry-run", CODE)
    verb("shadow", CODE)
    verb("withdraw", CODE)
    verb("shadow", CODE)
    verb("activate", CODE, "--reason", "换了经办人")
    assert "运行" in verb("rollback", CODE, "--version", "1", "--reason", "读错了经办人")
    assert json.loads(verb("show", CODE, "--json"))["versions"][0]["state"] == "ACTIVE"
    assert load_document(verb("export", CODE)) == a_document()


def test_acts_that_the_state_does_not_allow_are_refused(verb: Verb, file: Callable[[Any], str]) -> None:
    verb("import", file(a_document()))
    assert "HUB-5009" in verb("activate", CODE, code=5)
    assert "HUB-5009" in verb("enable", CODE, code=5)
    assert "HUB-4045" in verb("show", "nobody", code=4)


def test_an_adapter_is_stopped_and_goes_on(verb: Verb, file: Callable[[Any], str]) -> None:
    in_force(verb, file(a_document()))
    assert "停用" in verb("disable", CODE, "--reason", "对方系统升级", "--until", "2026-04-01")
    shown = json.loads(verb("show", CODE, "--json"))
    assert (shown["disabledUntil"], "对方系统升级" in shown["notice"]) == ("2026-04-01", True)
    assert "运行" in verb("enable", CODE)


def test_a_code_is_mapped_and_its_messages_are_replayed(
    verb: Verb, file: Callable[[Any], str], hub: AdaptedHub
) -> None:
    in_force(verb, file(a_document()))
    hub.push(a_unit(HJZT="受"))
    [entry] = json.loads(verb("unmapped", CODE, "--json"))["items"]
    assert (entry["value"], entry["count"]) == ("受", 1)
    assert "HUB-3006" in verb("map", str(entry["id"]), "NO_SUCH", code=3)
    told = verb("map", str(entry["id"]), "ACCEPTED")
    assert "第 2 版，已启用" in told
    assert "重放任务" in told
    assert json.loads(verb("unmapped", CODE, "--json"))["items"] == []


def test_every_verb_has_an_example() -> None:
    helps = {
        command.name or command.callback.__name__: command.callback.__doc__ for command in noun.app.registered_commands
    }
    assert [name for name, text in helps.items() if "示例" not in (text or "")] == []
