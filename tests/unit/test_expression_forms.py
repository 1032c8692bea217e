"""Every value expression has a form, and the form says the same expression again."""

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.library import shipped, shipped_document
from hub.console.expression_forms import ARGUMENT_EXAMPLES, argument_of, argument_text, expression_of, form_of
from hub.console.target_fields import target_field
from hub.domain.errors import RejectedError
from hub.domain.fields import Flag, Kind, Text, Whole

TEXT = Text(100)


def shipped_expressions() -> Iterator[tuple[Kind, dict[str, Any]]]:
    for code in shipped():
        for route in shipped_document(code)["routes"]:
            for target, expression in route["fields"].items():
                field = target_field(route["store"], target)
                assert field
                yield field.spec.kind, expression


def test_every_shipped_expression_comes_back_from_its_form() -> None:
    expressions = list(shipped_expressions())
    assert len(expressions) > 500
    assert [expression_of(form_of(expression), kind) for kind, expression in expressions] == [
        expression for _, expression in expressions
    ]


def test_most_shipped_expressions_need_no_knowledge_of_the_document() -> None:
    kinds = [form_of(expression)["kind"] for _, expression in shipped_expressions()]
    assert kinds.count("advanced") / len(kinds) < 0.1


@pytest.mark.parametrize(
    "expression",
    [
        {"from": "A/B", "xml": "//C"},
        {"from": "A", "convert": ["trim", {"substring": {"start": 2, "length": 3}}], "codes": "m", "default": "无"},
        {"from": "A", "convert": [{"boolean": {"yes": ["1", "是"], "no": ["0"]}}]},
        {"from": "A", "convert": [{"datetime": ["yyyy-MM-dd", "yyyyMMdd"]}, {"add": -3}]},
        {"template": "{a}-{b}", "with": {"a": {"from": "X"}, "b": {"from": "Y"}}},
        {"firstOf": [{"from": "A"}, {"department": "orgName"}, {"constant": "无"}]},
        {"firstOf": [{"from": "A", "codes": "m"}, {"from": "=B"}]},
        {"digest": ["A", "B"]},
        {"list": {"from": "A", "split": ";"}, "of": {"name": {"from": "."}}},
        {"from": "A", "convert": ["trim", "upper", "lower", "digits", "trim"]},
    ],
)
def test_an_expression_comes_back_from_its_form(expression: dict[str, Any]) -> None:
    assert expression_of(form_of(expression), TEXT) == expression


@pytest.mark.parametrize(("kind", "text", "value"), [(Whole(0, 9), "1", 1), (Flag(), "是", True), (TEXT, "1", "1")])
def test_a_constant_is_of_the_kind_of_its_field(kind: Kind, text: str, value: object) -> None:
    assert expression_of({"kind": "constant", "constant": text}, kind) == {"constant": value}


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "HUB-3004"),
        ({"kind": "from", "selector": "  "}, "HUB-3001"),
        ({"kind": "from", "selector": "A", "converter_1": "eval"}, "HUB-3021"),
        ({"kind": "from", "selector": "A", "converter_1": "add", "argument_1": "eins"}, "HUB-3004"),
        ({"kind": "from", "selector": "A", "converter_1": "part", "argument_1": "von=1"}, "HUB-3004"),
        ({"kind": "template", "template": "{a}", "with": "a"}, "HUB-3004"),
        ({"kind": "advanced", "advanced": "- 1"}, "HUB-3020"),
        ({"kind": "advanced", "advanced": "a: &x 1\nb: *x"}, "HUB-3020"),
    ],
)
def test_a_form_that_says_nothing_sensible_is_refused(form: dict[str, str], code: str) -> None:
    with pytest.raises(RejectedError) as refusal:
        expression_of(form, TEXT)
    assert refusal.value.code == code


@pytest.mark.parametrize("name", [name for name, example in ARGUMENT_EXAMPLES.items() if "=" in example])
def test_the_example_of_an_argument_is_a_good_one(name: str) -> None:
    example = ARGUMENT_EXAMPLES[name]
    assert argument_text(name, argument_of(name, example)) == example
