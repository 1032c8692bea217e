import pytest

from adapters.suggest.shapes import Message, Place, shapes_of
from adapters.suggest.structure import MAX_DISTINCT, MAX_FIELDS, DriftKind, drift, profile
from adapters.suggest.values import ValueKind, kind_of, shown


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("330324199001010003", ValueKind.RESIDENT_ID),
        ("91330324000200037A", ValueKind.CREDIT_CODE),
        ("33032400GS-XK-0012", ValueKind.ITEM_CODE),
        ("33032400GS", ValueKind.ORG_CODE),
        ("13800000000", ValueKind.PHONE),
        ("0577-6722000", ValueKind.PHONE),
        ("2026-03-02 10:00:00", ValueKind.INSTANT),
        ("20260302100000", ValueKind.INSTANT),
        ("20260302T100000", ValueKind.INSTANT),
        ("Mon Mar 02 09:12:00 CST 2026", ValueKind.INSTANT),
        ("2026年3月2日 上午9时5分", ValueKind.INSTANT),
        ("二〇二六年三月二日", ValueKind.DAY),
        ("2026/3/2", ValueKind.DAY),
        ("是", ValueKind.FLAG),
        ("12", ValueKind.WHOLE),
        ("12.50", ValueKind.DECIMAL),
        ("GS20260302-0007", ValueKind.TOKEN),
        ("材料齐全，予以受理", ValueKind.TEXT),
    ],
)
def test_a_value_is_of_the_narrowest_kind_it_fits(text: str, kind: ValueKind):
    assert kind_of(text) is kind


@pytest.mark.parametrize("secret", ["330324199001010003", "13800000000", "91330324000200037A", "申请人甲", "样例商店"])
def test_an_example_never_shows_a_personal_value(secret: str):
    assert secret not in shown(secret)


def test_a_code_is_shown_as_it_is():
    assert shown("33032400GS-XK-0012") == "33032400GS-XK-0012"
    assert shown("01") == "01"


def test_emptiness_counts_the_words_that_mean_nothing():
    fields = profile([{"LXRSJ": "null"}, {"LXRSJ": "13800000000"}, {"LXRSJ": "暂无"}, {"LXRSJ": " "}])
    assert (fields["LXRSJ"].count, fields["LXRSJ"].empty, fields["LXRSJ"].emptiness) == (4, 3, 0.75)


def test_nested_and_repeated_fields_have_a_path():
    fields = profile([{"case": {"no": "1"}, "file": [{"name": "甲"}, {"name": "乙"}]}])
    assert list(fields) == ["case/no", "file/name"]
    assert (fields["case/no"].repeats, fields["file/name"].repeats) == (False, True)


def test_a_profile_stays_small_whatever_comes():
    fields = profile({f"field{n}": "x", "same": f"value{n}"} for n in range(3000))
    assert len(fields) == MAX_FIELDS
    assert len(fields["same"].values) == MAX_DISTINCT
    assert fields["same"].count == 3000


def units(count: int, **changes: str | None) -> list[dict[str, str]]:
    unit = {"BJBH": "GS0001", "CLSJ": "2026-03-02 10:00:00", "BLYJ": "同意"} | changes
    return [{name: value for name, value in unit.items() if value is not None} for _ in range(count)]


def kinds(old: list[dict[str, str]], new: list[dict[str, str]]) -> list[tuple[DriftKind, str]]:
    return [(one.kind, one.path) for one in drift(profile(old), profile(new))]


def test_unchanged_messages_do_not_drift():
    assert kinds(units(10), units(10)) == []


def test_a_new_and_a_missing_field_are_drift():
    assert kinds(units(10), units(10, BLYJ=None, CLYJ="同意")) == [
        (DriftKind.MISSING, "BLYJ"), (DriftKind.NEW, "CLYJ"),
    ]  # fmt: skip


def test_a_field_of_another_type_is_drift():
    assert kinds(units(10), units(10, CLSJ="昨天上午")) == [(DriftKind.RETYPED, "CLSJ")]


def test_a_day_instead_of_a_moment_is_no_drift():
    assert kinds(units(10), units(10, CLSJ="2026-03-02")) == []


def test_a_field_that_is_suddenly_empty_is_drift():
    assert kinds(units(10), units(4) + units(6, BLYJ="null")) == [(DriftKind.EMPTIER, "BLYJ")]


def test_a_field_that_most_records_suddenly_lack_is_drift():
    assert kinds(units(10), units(4) + units(6, BLYJ=None)) == [(DriftKind.EMPTIER, "BLYJ")]


def test_a_handful_of_messages_says_nothing_about_drift():
    assert kinds(units(10), units(2, BLYJ=None)) == []


def shapes(tree: dict[str, object]):
    return shapes_of([Message("m", tree)])


def test_the_repeated_element_is_the_record():
    found = shapes({"Package": {"Head": {"MessageId": "M1"}, "Body": {"Record": [{"BJBH": "1", "CLYJ": "a"}] * 3}}})
    assert [(shape.path, shape.count) for shape in found] == [(("Package", "Body", "Record"), 3)]


def test_parts_without_a_number_belong_to_the_record_beside_them():
    found = shapes({"data": {"base": {"BJBH": "1", "BJMC": "x"}, "person": {"SQRMC": "甲", "LXDH": "13800000000"}}})
    assert [shape.path for shape in found] == [("data", "base")]
    assert found[0].around[("data", "person", "SQRMC")][0] is Place.PART


def test_materials_in_a_list_are_no_records_of_their_own():
    found = shapes({"case": {"BJBH": "1", "SQRMC": "甲", "files": {"file": [{"CLMC": "申请书", "CLSL": "1"}] * 2}}})
    assert [shape.path for shape in found] == [("case",)]
    assert "files/file/CLMC" in found[0].fields


def test_messages_of_different_kinds_under_one_root_are_told_apart():
    accept = Message("1", {"BJBH": "1", "SLSJ": "2026-03-02", "SLR": "丙"})
    finish = Message("2", {"BJBH": "1", "BJSJ": "2026-03-06", "BJJG": "同意", "ZZBH": "1"})
    found = shapes_of([accept, finish])
    assert [shape.telling for shape in found] == ["SLSJ", "BJSJ"]


def test_a_message_without_any_number_is_one_record():
    assert [shape.path for shape in shapes({"a": "x", "b": "y"})] == [()]
