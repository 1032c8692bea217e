import pytest

from adapters.suggest.code_drafts import draft_codes
from adapters.suggest.names import name_score, words_of
from adapters.suggest.vocabulary import names_of, targets_of
from hub.domain.codes import RESULT_STATUS, STEP_STATUS
from hub.domain.records import ITEM, PROCESS, RESULT


def best(name: str, context: str = "") -> str:
    return max(targets_of(PROCESS) | targets_of(RESULT), key=lambda path: name_score(name, context, path).score)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("BJBH", "caseNo"),
        ("SQRMC", "application.applicantName"),
        ("sqrmc", "application.applicantName"),
        ("CNQXDW", "application.limitUnit"),
        ("HJMC", "stepName"),
        ("shenqingrenmingcheng", "application.applicantName"),
        ("shenqrmc", "application.applicantName"),
        ("banjieshijian", "finishedAt"),
        ("申请人名称", "application.applicantName"),
        ("申请者名称", "application.applicantName"),
        ("办结时间（年月日）", "finishedAt"),
        ("applicantName", "application.applicantName"),
        ("APPLICANT_NAME", "application.applicantName"),
        ("applydate", "application.appliedAt"),
    ],
)
def test_a_field_name_is_understood_in_any_spelling(name: str, target: str):
    assert best(name) == target


def test_the_element_around_a_field_says_whose_name_it_is():
    assert best("name", "proposer") == "application.applicantName"


@pytest.mark.parametrize("name", ["REC_FLAG", "BYZDA", "xqwk", "EXPRESSTYPE"])
def test_a_name_that_says_nothing_suggests_nothing_strongly(name: str):
    assert max(name_score(name, "", path).score for path in targets_of(PROCESS)) < 0.7


def test_a_sign_with_several_readings_is_spelled_in_each():
    # 行 is read xing and hang
    assert "xzqhdm" in names_of("application.area").initials
    assert any("xing" in spelled for spelled in names_of("application.area").spelled)


def test_words_that_run_together_are_told_apart():
    assert [bool(words) for words in words_of("nodestarttime")] == [True, True, True]
    assert {"step"} <= words_of("nodestarttime")[0]


@pytest.mark.parametrize("kind", [ITEM, PROCESS, RESULT], ids=lambda kind: kind.name)
def test_every_target_is_known_by_its_own_label(kind):
    for path, target in targets_of(kind).items():
        assert name_score(target.spec.title, "", path).score == 1.0


def test_a_reason_is_given_in_chinese():
    assert "拼音首字母" in name_score("SQRMC", "", "application.applicantName").reason


def test_words_among_the_values_become_codes():
    drafted = draft_codes(STEP_STATUS, ["受理", "审核通过", "补齐补正"])
    assert {word: drafted.values[word] for word in ("受理", "审核通过", "补齐补正")} == {
        "受理": "ACCEPTED", "审核通过": "PASSED", "补齐补正": "SUPPLEMENT",
    }  # fmt: skip
    assert drafted.unknown == ()


def test_digits_with_one_published_meaning_become_codes():
    drafted = draft_codes(RESULT_STATUS, ["0", "6"])
    assert (drafted.values["0"], drafted.values["6"]) == ("GRANTED", "GRANTED")


def test_digits_with_two_published_meanings_are_a_question():
    assert len(draft_codes(STEP_STATUS, ["1", "5"]).readings) > 1


def test_a_value_nobody_knows_stays_open():
    assert draft_codes(STEP_STATUS, ["受理", "第三态"]).unknown == ("第三态",)
