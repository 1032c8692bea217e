"""The vendored files are those of the manifest, and no template needs more than the policy allows."""

import pytest

from tools.check_templates import IN_SCRIPTS, IN_TEMPLATES, problems, static_problems, template_problems
from tools.vendor_assets import differences


def test_vendored_files_are_those_of_the_manifest() -> None:
    assert differences() == []


def test_templates_and_scripts_keep_to_the_policy() -> None:
    assert template_problems() + static_problems() == []


@pytest.mark.parametrize(
    "markup",
    [
        "<script>go()</script>", '<p style="color:red">', "<style>p{}</style>", '<a onclick="go()">',
        '<a hx-on:click="x">', '<a href="javascript:go()">', '<img src="//cdn.example/x.png">',
        '<link href="https://cdn.example/a.css">', "{{ title|safe }}",
    ],
)  # fmt: skip
def test_markup_that_would_break_the_policy_is_found(markup: str) -> None:
    assert len(list(problems(markup, IN_TEMPLATES))) == 1


@pytest.mark.parametrize(
    "script", ["eval(text)", "new Function('x')", "node.innerHTML = text", "'https://cdn.example'"]
)
def test_scripts_that_evaluate_text_or_ask_elsewhere_are_found(script: str) -> None:
    assert len(list(problems(script, IN_SCRIPTS))) == 1
