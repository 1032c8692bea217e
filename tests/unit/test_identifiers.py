from datetime import UTC, date, datetime
from string import ascii_uppercase, digits

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hub.domain.identifiers import (
    PROVINCES,
    ResidentIdProblem,
    UnifiedNo,
    check_resident_id,
    credit_code_check_digit,
    is_area_code,
    is_credit_code,
    is_organisation_code,
    is_resident_id,
    is_subcounty_area_code,
    is_unified_no,
    make_unified_no,
    mask_id_no,
    mask_name,
    mask_phone,
    mod_37_36_check_digit,
    organisation_code_check_digit,
    parse_unified_no,
    resident_id_check_digit,
)
from hub.domain.item_codes import ItemCodeProblem, ItemScheme, check_item_code, item_scheme, subject_of

ALPHANUMERIC = digits + ascii_uppercase
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
NATIONAL_CODE = "113303240001000282" + "4" + "000131000000"


def a_tianzhu_code(area="620623", organisation="000100028", connector="-", item_type="XK", serial="00012") -> str:
    return f"{area}000000{organisation}0{connector}{item_type}{serial}000"


def text_of(alphabet: str, size: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=size, max_size=size)


AREAS = st.builds(str.__add__, st.sampled_from(sorted(PROVINCES)), text_of(digits, 4))
DAYS = st.dates(date(1900, 1, 1), date(2099, 12, 31))

CREDIT_CODES = st.builds("".join, st.tuples(text_of(CREDIT_ALPHABET, 2), AREAS, text_of(CREDIT_ALPHABET, 9))).map(
    lambda body: body + credit_code_check_digit(body)
)
RESIDENT_IDS = st.builds(
    "".join, st.tuples(AREAS, DAYS.map(lambda day: day.isoformat().replace("-", "")), text_of(digits, 3))
).map(lambda body: body + resident_id_check_digit(body))
ORGANISATION_CODES = text_of(ALPHANUMERIC, 8).map(lambda body: body + organisation_code_check_digit(body))
UNIFIED_NOS = st.builds(make_unified_no, AREAS, text_of(ascii_uppercase, 2), DAYS, st.integers(1, 999_999))


def with_one_sign_changed(number: str, place: int, sign: str) -> str:
    assume(number[place] != sign)
    return number[:place] + sign + number[place + 1 :]


# --- organisation and credit codes ---


@pytest.mark.parametrize(
    "code", ["000000019", "000100028", "000200037", "0001000A3", "D2143569-X", "d2143569x", " 00010002-8 "]
)
def test_organisation_code_with_right_check_digit_is_accepted(code):
    assert is_organisation_code(code)


@pytest.mark.parametrize("code", ["000000018", "0001000A4", "D2143569-0", "0001-00028", "00010002", "", "٠٠٠١٠٠٠٢٨"])
def test_organisation_code_with_wrong_check_digit_or_shape_is_refused(code):
    assert not is_organisation_code(code)


@pytest.mark.parametrize(
    "code",
    ["113303240001000282", "91330324000100028R", "11330324000200037J", "91330324000200037A", "11330324000000019H"],
)
def test_credit_code_with_right_check_digit_is_accepted(code):
    assert is_credit_code(code)
    assert is_credit_code(f"\u3000{code.lower()} ")


@pytest.mark.parametrize(
    "code", ["11330324000100028R", "9133032400010002R", "9133032400010002OR", "91330324000100028R\n0", "9A330324", ""]
)
def test_credit_code_with_wrong_check_digit_or_shape_is_refused(code):
    assert not is_credit_code(code)


@given(ORGANISATION_CODES)
def test_generated_organisation_codes_validate(code):
    assert is_organisation_code(code)
    assert is_organisation_code(f"{code[:8]}-{code[8]}")


@given(text_of(digits, 8), st.integers(0, 7), st.sampled_from(digits))
def test_one_changed_digit_of_an_all_digit_organisation_code_is_caught(body, place, sign):
    code = body + organisation_code_check_digit(body)
    assert not is_organisation_code(with_one_sign_changed(code, place, sign))


@given(CREDIT_CODES)
def test_generated_credit_codes_validate_and_sum_to_zero_by_powers_of_three(code):
    assert is_credit_code(code)
    values = [CREDIT_ALPHABET.index(sign) for sign in code]
    assert (sum(value * 3**place for place, value in enumerate(values[:17])) + values[17]) % 31 == 0


@given(CREDIT_CODES, st.integers(0, 17), st.sampled_from(ALPHANUMERIC))
def test_one_changed_sign_of_a_credit_code_is_caught(code, place, sign):
    assert not is_credit_code(with_one_sign_changed(code, place, sign))


# --- resident identity numbers ---


@pytest.mark.parametrize("number", ["330324199001010003", "330324198512310003", "330324200002290006"])
def test_resident_id_with_right_check_digit_is_accepted(number):
    check = check_resident_id(number)
    assert (check.number, check.legacy, check.problem) == (number, False, None)


def test_lower_case_x_and_full_width_digits_are_read_as_the_same_number():
    number = "33032419900101002X"
    assert resident_id_check_digit(number[:17]) == "X"
    assert check_resident_id("３３０３２４19900101002x ").number == number
    assert is_resident_id("33032419900101002x")


def test_fifteen_digit_number_is_accepted_as_legacy():
    check = check_resident_id("330324900101000")
    assert (check.legacy, check.problem) == (True, None)


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("330324199001010004", ResidentIdProblem.CHECK_DIGIT),
        ("330324190002290003", ResidentIdProblem.BIRTH_DATE),
        ("330324000001010003", ResidentIdProblem.BIRTH_DATE),
        ("330324000101010003", ResidentIdProblem.BIRTH_DATE),
        ("330324901301000", ResidentIdProblem.BIRTH_DATE),
        ("100324199001010003", ResidentIdProblem.AREA),
        ("3303241990010100X3", ResidentIdProblem.SHAPE),
        ("33032419900101000", ResidentIdProblem.SHAPE),
        ("", ResidentIdProblem.SHAPE),
    ],
)
def test_the_first_thing_wrong_with_a_resident_id_is_named(number, problem):
    assert check_resident_id(number).problem == problem


def test_residence_permit_of_taiwan_residents_is_a_resident_number():
    body = "83000019900101000"
    assert is_resident_id(body + resident_id_check_digit(body))


def test_a_resident_id_check_does_not_print_the_number():
    assert "330324" not in repr(check_resident_id("330324199001010003"))


@given(RESIDENT_IDS)
def test_generated_resident_ids_validate_and_sum_to_one_by_powers_of_two(number):
    assert is_resident_id(number)
    values = [(digits + "X").index(sign) for sign in number]
    assert sum(value * 2 ** (17 - place) for place, value in enumerate(values)) % 11 == 1  # ISO 7064 MOD 11-2


@given(RESIDENT_IDS, st.integers(0, 17), st.sampled_from(digits + "X"))
def test_one_changed_sign_of_a_resident_id_is_caught(number, place, sign):
    assert not is_resident_id(with_one_sign_changed(number, place, sign))


# --- areas ---


@pytest.mark.parametrize("code", ["330324", "330000", "710000", "820000", " ３３０３２４"])
def test_six_digits_of_a_known_province_are_an_area_code(code):
    assert is_area_code(code)


@pytest.mark.parametrize("code", ["000000", "160101", "830000", "33032", "3303240", "33032A", "３３０３２٤"])
def test_other_texts_are_no_area_code(code):
    assert not is_area_code(code)


def test_area_below_the_county_has_twelve_digits_that_begin_with_an_area():
    assert is_subcounty_area_code("330324101203")
    assert not is_subcounty_area_code("160324101203")
    assert not is_subcounty_area_code("330324101")


# --- unified case number ---


def test_iso_7064_mod_37_36_gives_the_check_sign_of_the_published_grid_example():
    assert mod_37_36_check_digit("A12425GABC1234002") == "M"


def test_unified_no_is_area_letters_day_serial_and_check():
    number = make_unified_no("330324", "GS", date(2026, 3, 2), 7)
    assert number[:-1] == "330324GS20260302000007"
    assert len(number) == 23
    assert parse_unified_no(number) == UnifiedNo(number, "330324", "GS", date(2026, 3, 2), 7)


def test_unified_no_typed_in_lower_case_with_blanks_parses_to_its_stored_form():
    number = make_unified_no("330324", "GS", date(2026, 3, 2), 7)
    assert parse_unified_no(f" {number.lower()} ") == parse_unified_no(number)


def test_an_instant_serves_as_a_day():
    morning = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    assert make_unified_no("330324", "GS", morning, 7) == make_unified_no("330324", "GS", date(2026, 3, 2), 7)


@pytest.mark.parametrize(
    ("area", "letters", "serial"),
    [
        ("33032", "GS", 1),
        ("160324", "GS", 1),
        ("33032", "4GS", 1),
        ("３３０３２４", "GS", 1),
        ("330324", "gs", 1),
        ("330324", "G", 1),
        ("330324", "GS", 0),
        ("330324", "GS", -1),
        ("330324", "GS", 1_000_000),
    ],
)
def test_unified_no_is_not_made_of_parts_that_do_not_fit(area, letters, serial):
    with pytest.raises(ValueError, match="needs a 6-digit area"):
        make_unified_no(area, letters, date(2026, 3, 2), serial)


@pytest.mark.parametrize(
    "body",
    ["330324GS20260230000007", "330324GS20260302000000", "160324GS20260302000007", "330324G120260302000007"],
)
def test_right_check_sign_does_not_save_a_number_with_impossible_parts(body):
    assert not is_unified_no(body + mod_37_36_check_digit(body))


@given(AREAS, text_of(ascii_uppercase, 2), DAYS, st.integers(1, 999_999))
def test_parsing_a_unified_no_gives_back_what_it_was_made_of(area, letters, day, serial):
    number = make_unified_no(area, letters, day, serial)
    assert parse_unified_no(number) == UnifiedNo(number, area, letters, day, serial)


@given(UNIFIED_NOS, st.integers(0, 22), st.sampled_from(ALPHANUMERIC))
def test_one_changed_sign_of_a_unified_no_is_caught(number, place, sign):
    assert not is_unified_no(with_one_sign_changed(number, place, sign))


# --- item codes ---


@pytest.mark.parametrize(
    ("code", "scheme"),
    [
        ("33032400AJ-CF-0003", ItemScheme.YONGJIA),
        ("33032400GS-DL-0001", ItemScheme.YONGJIA),
        ("62052400MZ-XK-0001", ItemScheme.YONGJIA),
        (a_tianzhu_code(), ItemScheme.TIANZHU),
        (a_tianzhu_code(connector=""), ItemScheme.TIANZHU),
        (a_tianzhu_code(organisation="0001000A3"), ItemScheme.TIANZHU),
        (NATIONAL_CODE, ItemScheme.NATIONAL_31),
        (NATIONAL_CODE[:18] + "A" + NATIONAL_CODE[19:], ItemScheme.NATIONAL_31),
        (NATIONAL_CODE + "01", ItemScheme.NATIONAL_33),
    ],
)
def test_a_right_code_is_known_by_its_scheme_and_has_no_problem(code, scheme):
    check = check_item_code(code)
    assert (item_scheme(code), check.scheme, check.problem) == (scheme, scheme, None)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("33032400AJ-ZZ-0003", ItemCodeProblem.UNKNOWN_TYPE),
        ("33032400AJ-JD-0003", ItemCodeProblem.UNKNOWN_TYPE),
        ("33032400AJ-CF-0000", ItemCodeProblem.SERIAL_ZERO),
        ("16032400AJ-CF-0003", ItemCodeProblem.UNKNOWN_PROVINCE),
        (a_tianzhu_code(organisation="000100029"), ItemCodeProblem.ORG_CODE_CHECK),
        (a_tianzhu_code(item_type="DL"), ItemCodeProblem.UNKNOWN_TYPE),
        (a_tianzhu_code(serial="00000"), ItemCodeProblem.SERIAL_ZERO),
        (a_tianzhu_code(area="160623"), ItemCodeProblem.UNKNOWN_PROVINCE),
        ("11330324000100028R" + NATIONAL_CODE[18:], ItemCodeProblem.CREDIT_CODE_CHECK),
        ("11330324000100028R" + NATIONAL_CODE[18:] + "01", ItemCodeProblem.CREDIT_CODE_CHECK),
    ],
)
def test_a_wrong_code_keeps_its_scheme_and_names_the_broken_rule(code, problem):
    check = check_item_code(code)
    assert check.scheme is not None
    assert check.problem == problem


@pytest.mark.parametrize("typed", [" 33032400aj－cf－0003\u3000", "33032400AJ—CF–0003", "３３０３２４００Ａｊ-cf-0003"])
def test_full_width_signs_lower_case_and_blanks_give_the_same_item_code(typed):
    check = check_item_code(typed)
    assert (check.code, check.problem) == ("33032400AJ-CF-0003", None)


@pytest.mark.parametrize("connector", ["-", "－", "—", "–", "一", ""])
def test_every_connector_of_the_2015_scheme_is_stored_as_a_dash(connector):
    check = check_item_code(a_tianzhu_code(connector=connector))
    assert (check.code, check.problem) == (a_tianzhu_code(), None)


@pytest.mark.parametrize("code", ["", "许可一-Ab3", "33032400AJ-CF-003", "33032400AJ-CF-٠٠٠3", NATIONAL_CODE + "1"])
def test_a_code_of_no_known_scheme_is_flagged_and_left_as_it_is(code):
    check = check_item_code(f" {code} ")
    assert (check.code, check.scheme, check.problem) == (code, None, ItemCodeProblem.UNKNOWN_SCHEME)
    assert item_scheme(code) is None


def test_parts_are_given_where_the_scheme_has_them():
    old, new, national = (check_item_code(c).parts for c in ("33032401AJ-CF-0003", a_tianzhu_code(), NATIONAL_CODE))
    assert (old.area, old.township, old.letters, old.item_type, old.serial) == ("330324", "01", "AJ", "CF", "0003")
    assert (new.area, new.township, new.village, new.letters) == ("620623", "000", "000", None)
    assert (new.organisation_code, new.item_type, new.serial, new.sub_item) == ("000100028", "XK", "00012", "000")
    assert (national.area, national.credit_code, national.level) == (None, "113303240001000282", "4")
    assert national.basic_code == "000131000000"


@given(st.text() | st.text(ALPHANUMERIC + "-一－", min_size=31, max_size=33))
def test_checking_a_stored_item_code_again_changes_nothing(text):
    check = check_item_code(text)
    assert check_item_code(check.code) == check


@pytest.mark.parametrize(
    ("org_code", "item_code", "subject"),
    [
        ("33032400GS", "anything", ("330324", "GS")),
        ("33032400gs ", "33032400AJ-CF-0003", ("330324", "GS")),
        ("113303240001000282", "33032401AJ－CF－0003", ("330324", "AJ")),
        ("16032400GS", "33032400AJ-CF-0003", ("330324", "AJ")),
        ("", "33032400AJ", None),
        ("113303240001000282", NATIONAL_CODE, None),
    ],
)
def test_subject_comes_from_the_organisation_else_from_the_item(org_code, item_code, subject):
    assert subject_of(org_code, item_code) == subject


# --- masking ---


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("330324199001010003", "330324********0003"),
        ("330324900101000", "330324*****1000"),
        ("E12345678", "E*******8"),
        ("12345678901", "1*********1"),
        ("12", "1*"),
        ("1", "*"),
        ("", ""),
    ],
)
def test_masked_id_keeps_the_area_and_four_signs_or_only_the_ends(number, masked):
    assert mask_id_no(number) == masked


@pytest.mark.parametrize(
    ("number", "masked"),
    [("13800000000", "138****0000"), ("0577-00000000", "057******0000"), ("6700000", "6*****0"), ("", "")],
)
def test_masked_phone_keeps_three_and_four_digits_or_only_the_ends(number, masked):
    assert mask_phone(number) == masked


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("甲", "甲"),
        ("申请", "申*"),
        ("申请人甲", "申***"),
        ("𬭎某", "𬭎*"),
        ("某𬭎𬭎", "某**"),
        ("阿样例·申请人", "阿******"),
        ("𬭎𬭎样例甲", "𬭎****"),
        (" 申请人 ", "申**"),
        ("", ""),
    ],
)
def test_masked_name_keeps_the_first_character_only(name, masked):
    assert mask_name(name) == masked


@given(st.text(ALPHANUMERIC, min_size=1))
def test_a_masked_number_is_as_long_as_the_number_and_never_whole(number):
    for masked in (mask_id_no(number), mask_phone(number)):
        assert len(masked) == len(number)
        assert "*" in masked
