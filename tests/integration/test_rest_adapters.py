"""Adapters over REST: who may, documents and their ETags, acts, dry runs, codes that no map knew."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response

from adapters.document import dump_document, load_document
from hub.domain.codes import ROLES
from hub.gateway.rest.adapter_models import (
    AdapterChanges,
    AdapterDetail,
    AdapterDocument,
    AdapterList,
    AdapterRehearsal,
    AdapterVersion,
    UnmappedCodeList,
)
from hub.gateway.rest.models import Problem
from hub.stores.session import Database
from tests.adapted_hub import CODE, AdaptedHub, a_document, a_unit, with_field, without_samples
from tests.builders import a_small_hub
from tests.integration.rest_door import RestDoor, a_rest_door

ONE = f"/api/v1/adapters/{CODE}"
CODES = "/api/v1/unmapped-codes"
READERS = {"auditor", "it_staff", "supervisor"}
WRITERS = {"it_staff", "system_admin"}


@dataclass
class AdapterDoor:
    """The REST door with tokens of staff, over a hub whose adapters it changes."""

    door: RestDoor
    hub: AdaptedHub
    staff: dict[str, str]

    def get(self, path: str, **headers: str) -> Response:
        return self.door.client.get(path, headers=self.staff | headers)

    def post(self, path: str, **content: Any) -> Response:
        return self.door.client.post(path, headers=self.staff, json=content)

    def put(self, document: Any, match: str | None = "*", path: str = ONE) -> Response:
        text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
        headers = self.staff | ({} if match is None else {"If-Match": match})
        return self.door.client.put(path, headers=headers, content=text.encode())

    def in_force(self, document: Any) -> None:
        assert self.put(document).status_code == 200
        for act in ("sandbox", "activate"):
            assert self.post(f"{ONE}/{act}").status_code == 200


@pytest.fixture
def rest(tmp_path: Path) -> Iterator[AdapterDoor]:
    database = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    hub = AdaptedHub.over(a_small_hub(database))
    door = a_rest_door(hub.small)
    yield AdapterDoor(door, hub, door.bearer("it_staff"))
    database.dispose()


def problem(answer: Response, status: int) -> tuple[str, str | None]:
    """Code and path of a refusal."""
    assert answer.status_code == status, answer.text
    told = Problem.model_validate(answer.json())
    return told.code, told.errors[0].path if told.errors else None


def test_a_document_is_kept_as_a_draft_and_told_again(rest: AdapterDoor) -> None:
    answer = rest.put(a_document(), match=None)
    kept = AdapterVersion.model_validate(answer.json())
    assert (answer.status_code, kept.number, kept.state, kept.author) == (200, 1, "DRAFT", "token:it_staff 程序")
    assert answer.headers["etag"] == f'"{kept.digest}"'
    shown = rest.get(f"{ONE}/document")
    assert AdapterDocument.model_validate(shown.json()).document == a_document()
    assert shown.headers["etag"] == answer.headers["etag"]


def test_yaml_and_json_are_the_same_document(rest: AdapterDoor) -> None:
    first = rest.put(a_document()).headers["etag"]
    assert rest.put(dump_document(a_document())).headers["etag"] == first
    told = rest.get(f"{ONE}/document", Accept="application/yaml")
    assert told.headers["content-type"].startswith("application/yaml")
    assert load_document(told.text) == a_document()
    assert rest.put(told.text).headers["etag"] == first


def test_a_draft_that_somebody_else_changed_is_not_overwritten(rest: AdapterDoor) -> None:
    seen = rest.put(a_document()).headers["etag"]
    newer = rest.put(a_document(title="另一个名称"), match=seen).headers["etag"]
    assert problem(rest.put(a_document(title="第三个名称"), match=seen), 409)[0] == "HUB-5004"
    assert rest.put(a_document(title="第三个名称"), match=newer).status_code == 200


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"routes": []}, "routes"),
        ({"transport": {"kind": "carrier-pigeon"}}, "transport"),
        ({"stranger": 1}, ""),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(rest: AdapterDoor, change: Any, path: str) -> None:
    code, place = problem(rest.put({**a_document(), **change}), 422)
    assert code.startswith("HUB-3")
    assert (place or "").startswith(path)
    assert rest.get(ONE).status_code == 404


@pytest.mark.parametrize(
    "text", ["", "{", "- a\n- b", "a: &x [*x, *x]", "!!python/object:os.system {}", "specVersion: 99"]
)
def test_what_is_no_document_is_refused(rest: AdapterDoor, text: str) -> None:
    assert problem(rest.put(text), 400)[0] == "HUB-3020"


def test_a_document_is_kept_under_its_own_address_only(rest: AdapterDoor) -> None:
    assert problem(rest.put(a_document(), path="/api/v1/adapters/other"), 422) == ("HUB-3006", "adapter")


def test_an_adapter_is_shown_with_what_may_be_done_now(rest: AdapterDoor) -> None:
    rest.in_force(a_document())
    told = AdapterDetail.model_validate(rest.get(ONE).json())
    assert (told.state, told.state_title, told.version, told.sender) == ("ACTIVE", "运行", 1, "gs-system")
    assert [act.act for act in told.acts] == ["disable"]
    assert [event["act"] for event in told.events] == ["activate", "sandbox", "save"]
    listed = AdapterList.model_validate(rest.get("/api/v1/adapters?state=ACTIVE").json())
    assert CODE in [row.adapter for row in listed.items]


def test_acts_are_refused_where_the_state_does_not_allow_them(rest: AdapterDoor) -> None:
    rest.put(a_document())
    assert problem(rest.post(f"{ONE}/activate"), 409)[0] == "HUB-5009"
    assert problem(rest.post(f"{ONE}/enable"), 409)[0] == "HUB-5009"
    assert problem(rest.post(f"{ONE}/disable"), 422) == ("HUB-4006", "reason")
    assert problem(rest.post(f"{ONE}/sandbox", version=7), 404)[0] == "HUB-4045"
    assert problem(rest.post(f"{ONE}/sandbox", fingerprint="0" * 64), 409)[0] == "HUB-5004"
    assert problem(rest.post(f"{ONE}/sandbox", strange=1), 422)[0].startswith("HUB-3")


def test_samples_must_pass_before_a_draft_is_tried(rest: AdapterDoor) -> None:
    wrong = a_document()
    wrong["samples"][0]["expect"]["records"][0]["content"]["caseNo"] = "another"
    rest.put(wrong)
    assert problem(rest.post(f"{ONE}/sandbox"), 422) == ("HUB-5005", "samples")
    rest.put(without_samples(a_document()))
    assert problem(rest.post(f"{ONE}/sandbox"), 422) == ("HUB-5005", "samples")


def test_a_stopped_adapter_says_until_when(rest: AdapterDoor) -> None:
    rest.in_force(a_document())
    told = AdapterDetail.model_validate(rest.post(f"{ONE}/disable", reason="对方系统升级", until="2026-04-01").json())
    assert (told.state, str(told.disabled_until)) == ("DISABLED", "2026-04-01")
    assert "对方系统升级" in (told.notice or "")
    again = AdapterDetail.model_validate(rest.post(f"{ONE}/enable").json())
    assert (again.state, again.notice, again.disabled_until) == ("ACTIVE", None, None)


def test_two_versions_are_compared_in_words(rest: AdapterDoor) -> None:
    rest.in_force(a_document())
    rest.put(with_field(a_document(), "office", {"from": "KS"}))
    changes = AdapterChanges.model_validate(rest.get(f"{ONE}/diff?old=1&new=2").json()).items
    assert "ADDED" in {change.kind for change in changes}
    assert problem(rest.get(f"{ONE}/diff?old=1&new=9"), 404)[0] == "HUB-4045"
    assert problem(rest.get(f"{ONE}/diff?old=1"), 422)[0] == "HUB-3001"


def test_going_back_is_a_new_version_with_the_old_content(rest: AdapterDoor) -> None:
    rest.in_force(a_document())
    rest.in_force(with_field(a_document(), "office", {"from": "KS"}))
    told = AdapterDetail.model_validate(rest.post(f"{ONE}/rollback", version=1, reason="读错了科室").json())
    assert (told.version, [row.state for row in told.versions]) == (3, ["ACTIVE", "RETIRED", "RETIRED"])
    assert rest.get(f"{ONE}/document?version=3").json()["document"] == a_document()


def test_a_dry_run_tells_field_by_field_and_writes_nothing(rest: AdapterDoor) -> None:
    rest.in_force(a_document())
    rest.hub.push(a_unit())
    rest.put(with_field(a_document(), "officerName", {"constant": "经办人戊"}))
    before = {table: rest.door.stored(table) for table in ("process_record", "adapter_trial", "audit_event")}
    told = AdapterRehearsal.model_validate(rest.post(f"{ONE}/dry-run").json())
    assert (told.messages, told.units, told.accepted, told.changed_messages) == (1, 1, 1, 1)
    assert [(row["target"], row["kind"], row["count"]) for row in told.by_target] == [("officerName", "DIFFERS", 1)]
    assert "经办人" not in str(told.by_target)
    assert {table: rest.door.stored(table) for table in before} == before


def test_a_code_is_mapped_once_and_its_messages_are_replayed(rest: AdapterDoor) -> None:
    rest.in_force(a_document())
    rest.hub.push(a_unit(HJZT="受"))
    [entry] = UnmappedCodeList.model_validate(rest.get(f"{CODES}?adapter={CODE}&state=OPEN").json()).items
    assert (entry.code_map, entry.value, entry.target, entry.count) == ("hjzt", "受", "stepStatus", 1)
    assert problem(rest.post(f"{CODES}/{entry.id}/map", token="NO_SUCH"), 422) == ("HUB-3006", "token")
    answer = rest.post(f"{CODES}/{entry.id}/map", token="ACCEPTED")
    assert answer.status_code == 200, answer.text
    mapped = answer.json()
    assert (mapped["adapter"], mapped["version"], mapped["activated"]) == (CODE, 2, True)
    assert rest.get(f"/api/v1/replays/{mapped['replayJob']}").status_code == 200
    assert problem(rest.post(f"{CODES}/{entry.id}/map", token="ACCEPTED"), 409)[0] == "HUB-5006"


def test_a_code_is_left_alone_with_a_reason(rest: AdapterDoor) -> None:
    rest.in_force(a_document())
    rest.hub.push(a_unit(HJZT="受"))
    [entry] = rest.get(CODES).json()["items"]
    assert problem(rest.post(f"{CODES}/{entry['id']}/ignore", reason=""), 422)[0].startswith("HUB-3")
    assert rest.post(f"{CODES}/{entry['id']}/ignore", reason="测试数据").status_code == 204
    assert rest.get(f"{CODES}?state=OPEN").json()["items"] == []
    assert problem(rest.post(f"{CODES}/999/ignore", reason="x"), 404)[0] == "HUB-4045"
    assert problem(rest.post(f"{CODES}/x/ignore", reason="x"), 404)[0] == "HUB-4045"


def test_who_may_look_and_who_may_change(rest: AdapterDoor) -> None:
    rest.put(a_document())
    seeing = {role for role in ROLES if rest.door.get(ONE, role).status_code == 200}
    changing = {
        role
        for role in ROLES
        if rest.door.client.put(
            ONE,
            headers=rest.door.bearer(role) | {"If-Match": "*"},
            content=json.dumps(a_document()).encode(),
        ).status_code
        == 200
    }
    acting = {
        role
        for role in ROLES
        if rest.door.client.post(f"{ONE}/disable", headers=rest.door.bearer(role), json={}).status_code != 403
    }
    assert (seeing >= READERS, changing, acting) == (True, WRITERS, WRITERS)
    assert "department" not in seeing
    assert rest.door.client.get(ONE, auth=rest.door.basic).status_code == 403
    assert rest.door.client.get(ONE).status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/adapters/nobody", "/api/v1/adapters/nobody/document"])
def test_an_unknown_adapter_is_not_there(rest: AdapterDoor, path: str) -> None:
    assert problem(rest.get(path), 404)[0] == "HUB-4045"
