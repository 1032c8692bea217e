import json
from pathlib import Path

import pytest

from adapters.document import load_document
from hub.cli.adapter_draft import add_to
from hub.cli.noun import Noun
from hub.domain.errors import NotFoundError, RejectedError
from tests.suggest_samples import water_permit_rows


@pytest.fixture
def samples(tmp_path: Path) -> list[str]:
    paths = [tmp_path / file.name for file in water_permit_rows()]
    for path, file in zip(paths, water_permit_rows(), strict=True):
        path.write_bytes(file.body)
    return [str(path) for path in paths]


def run(*arguments: str) -> None:
    noun = Noun("适配器")
    add_to(noun)
    noun.app(["draft", *arguments], standalone_mode=False)


def test_the_draft_is_a_document_on_stdout(samples: list[str], capsys: pytest.CaptureFixture[str]):
    run(*samples, "--code", "shuili-qsxk", "--title", "水利局取水许可")
    document = load_document(capsys.readouterr().out)
    assert (document["adapter"], document["title"]) == ("shuili-qsxk", "水利局取水许可")
    assert len(document["routes"][0]["fields"]) > 20


def test_what_was_detected_and_why_is_told_beside_it(samples: list[str], capsys: pytest.CaptureFixture[str]):
    run(*samples)
    told = capsys.readouterr().err
    assert "gb18030" in told
    assert "办件编号 ← BJBH" in told
    assert "必填项都有来源" in told
    assert "330324199001010003" not in told


def test_the_draft_is_written_to_a_file(samples: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run(*samples, "-o", str(tmp_path / "draft.yaml"))
    assert capsys.readouterr().out == ""
    assert load_document((tmp_path / "draft.yaml").read_text(encoding="utf-8"))["specVersion"] == 1


def test_suggestions_come_as_json_with_score_and_reason(samples: list[str], capsys: pytest.CaptureFixture[str]):
    run(*samples, "--json")
    suggestions = json.loads(capsys.readouterr().out)["suggestions"]
    chosen = {one["target"]: one for one in suggestions if one["chosen"]}
    assert chosen["caseNo"]["source"] == "BJBH"
    assert "拼音首字母" in chosen["caseNo"]["reason"]


def test_a_file_that_is_not_there_is_named_as_such():
    with pytest.raises(NotFoundError) as missing:
        run("nowhere.xml")
    assert missing.value.code == "HUB-4043"


def test_a_code_with_capitals_is_refused(samples: list[str]):
    with pytest.raises(RejectedError) as refused:
        run(*samples, "--code", "Shuili")
    assert refused.value.code == "HUB-4006"
