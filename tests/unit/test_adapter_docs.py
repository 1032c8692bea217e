"""docs/adapters.md keeps to what the code does."""

import json
import re
from importlib.resources import files
from pathlib import Path

from adapters.converters import CONVERTERS
from adapters.document import load_document
from adapters.engine import compile_adapter
from adapters.sample_runs import run_samples

TEXT = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text(encoding="utf-8")


def test_every_converter_stands_in_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", TEXT, re.MULTILINE)
    listed = {name: (title, argument) for name, title, argument in rows if name in CONVERTERS}
    assert listed == {name: (made.title, made.argument or "—") for name, made in CONVERTERS.items()}


def test_the_worked_example_passes_its_own_samples() -> None:
    example = TEXT.partition("### 十分钟接入一个部门")[2].partition("```yaml\n")[2].partition("```")[0]
    outcomes = run_samples(compile_adapter(load_document(example)))
    assert [(outcome.name, outcome.differences) for outcome in outcomes] == [("准予", ()), ("办结时间不存在", ())]


def test_every_key_of_a_document_stands_in_a_table() -> None:
    schema = json.loads(files("schemas").joinpath("adapter.schema.json").read_text(encoding="utf-8"))
    parts = schema["properties"]
    keys = [*parts, *parts["intake"]["properties"], *parts["contract"]["properties"], *parts["quota"]["properties"]]
    assert [key for key in keys if f"`{key}`" not in TEXT] == []
