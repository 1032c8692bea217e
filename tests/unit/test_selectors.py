"""Selectors: what they find, and that none is let through whose cost is more than the size of what it looks at."""

from typing import Any

import pytest
from lxml import etree

from adapters.selectors import COLUMNS, JMESPATH, XPATH, Language, Scope
from hub.domain.errors import RejectedError

TREE = etree.fromstring(
    "<r><case no='1'><NO>A-1</NO><part><name>甲</name><name>乙</name></part></case>"
    "<case no='2'><NO>A-2</NO></case><owner><name>样例商店</name></owner></r>"
)


def of_xml(selector: str, node: Any = None) -> Any:
    node = TREE[0] if node is None else node
    return XPATH.compile(selector, {})(Scope(node, TREE, XPATH))


def of_json(selector: str, value: Any, root: Any = None) -> Any:
    return JMESPATH.compile(selector, {})(Scope(value, root, JMESPATH))


def refused(language: Language, selector: str) -> bool:
    try:
        language.compile(selector, {})
    except RejectedError as exc:
        return exc.code == "HUB-3022"
    return False


@pytest.mark.parametrize(
    ("selector", "value"),
    [
        ("NO", "A-1"), ("@no", "1"), ("part/name", "甲"), ("part/name[2]", "乙"), ("part/name[last()]", "乙"),
        ("../owner/name", "样例商店"), ("/r/case[@no='2']/NO", "A-2"), ("//owner/name", "样例商店"),
        ("count(part/name)", 2), ("concat(NO, '-SL')", "A-1-SL"), ("part[name='乙']/name", "甲"),
        ("substring-after(NO, '-')", "1"), ("part", "甲乙"), ("nothing", None), ("../../x", None),
        ("//case//name", "甲"), ("normalize-space(NO)", "A-1"), ("string-length(NO) > 2", True),
    ],
)  # fmt: skip
def test_an_xpath_finds(selector: str, value: object) -> None:
    assert of_xml(selector) == value


def test_a_second_deep_step_finds_every_element_once_and_in_order() -> None:
    tree = etree.fromstring("<r><a><a><b>1</b></a><b>2</b></a><a><b>3</b></a></r>")
    found = XPATH.compile_many("//a//b", {})(Scope(tree, tree, XPATH))
    assert sorted(scope.node.text for scope in found) == ["1", "2", "3"]


def test_a_namespace_is_used_where_it_is_declared() -> None:
    tree = etree.fromstring("<r xmlns='urn:x'><a>1</a></r>")
    assert XPATH.compile("h:a", {"h": "urn:x"})(Scope(tree, tree, XPATH)) == "1"


@pytest.mark.parametrize(
    "selector",
    [
        "//a//b//c", "a|b", "//a/following-sibling::a", "a/preceding::b", "a/ancestor::b", "a[../b]", "a[//b]", "a[/b]",
        "a[b=../c]", "a[b=c]", "a[string(b)=string(c)]", "contains(a, b)",
        "substring-before(., .)", "document('x')", "id('x')", "re:test(a, '(a+)+')", "x:contains(a, 'b')", "$a",
        "count(a//b)", "a[", "a b", "", " ", "a" * 301, "sum(//a)", "a[x and /b]",
        "concat(a, //b)", "count(//a)", "(//a)[1]", "a[position()<3]",
    ],
)  # fmt: skip
def test_an_xpath_that_could_run_long_is_refused(selector: str) -> None:
    assert refused(XPATH, selector)


def test_what_is_asked_above_the_units_is_looked_up_once() -> None:
    shared: dict[Any, Any] = {}
    scopes = [Scope(node, TREE, XPATH, shared=shared) for node in TREE[:2]]
    select = XPATH.compile("../owner/name", {})
    assert [select(scope) for scope in scopes] == ["样例商店", "样例商店"]
    assert len(shared) == 1


def test_more_units_than_a_message_may_hold_are_not_cut_off_unseen() -> None:
    tree = etree.fromstring("<r>" + "<a/>" * 10_050 + "</r>")
    assert len(list(XPATH.compile_many("a", {})(Scope(tree, tree, XPATH)))) == 10_050


@pytest.mark.parametrize(
    ("selector", "value"),
    [
        ("no", "A-1"), ("a.b", 1), ("名称", "甲"), ("a.名称", "乙"), ('"名称"', "甲"), ("list[1].x", 2),
        ("list[0]", None),
        ("list[?x==`2`].y | [0]", "z"), ("a", None), ("missing.b", None), ("$.top", "t"), ("join('-', words)", "x-y"),
        ("length(no)", 3), ("sort(no)", None),
    ],
)  # fmt: skip
def test_a_jmespath_finds(selector: str, value: object) -> None:
    unit = {
        "no": "A-1", "a": {"b": 1, "名称": "乙"}, "名称": "甲", "list": [{"x": 1}, {"x": 2, "y": "z"}],
        "words": ["x", "y"],
    }  # fmt: skip
    assert of_json(selector, unit, {"top": "t"}) == value


@pytest.mark.parametrize(
    "selector",
    [
        "|".join(["[@,@][]"] * 12), "|".join(["{a:@,b:@}.*"] * 12), "[@,@]|[@,@]|[@,@]|[@,@]|[@,@]",
        "to_string([to_string([to_string([@])])])", "join(a, b)", "map(&a, b)", "sort_by(a, &b)", "a..b", "[", "中 文",
        "a." * 90 + "a", "(" * 140 + "a" + ")" * 140 + ".b" * 40, "", "a" * 301,
    ],
)  # fmt: skip
def test_a_jmespath_that_could_explode_is_refused(selector: str) -> None:
    assert refused(JMESPATH, selector)


def test_a_column_is_found_in_any_case() -> None:
    row = {"Apply_No": "1", "nested": {"a": 1}}
    scope = Scope(row, row, COLUMNS)
    assert COLUMNS.compile("APPLY_NO", {})(scope) == "1"
    assert COLUMNS.compile("nested", {})(scope) is None


def test_a_flat_row_has_no_lists_below() -> None:
    with pytest.raises(RejectedError, match="HUB-3022"):
        COLUMNS.compile_many("a", {})
