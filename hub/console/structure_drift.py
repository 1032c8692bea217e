"""Whether later messages of an adapter are built otherwise than earlier ones. Structure only, never values."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.engine import sample_content
from adapters.suggest.sample_files import MAX_FILES, SampleFile, read_samples
from adapters.suggest.shapes import Shape, shapes_of
from adapters.suggest.structure import DRIFT_TITLES, drift
from hub.domain.errors import RejectedError

_MOST_SHOWN = 30


def files_of_samples(document: Mapping[str, Any]) -> list[SampleFile]:
    """The messages that stand in a document as samples of good records."""
    good = [sample for sample in document.get("samples", ()) if "error" not in sample["expect"]]
    return [_file(sample) for sample in good[:MAX_FILES]]


def _file(sample: Mapping[str, Any]) -> SampleFile:
    return SampleFile(sample["name"], sample_content(sample).body, sample.get("unit"))


def drift_between(old: Sequence[SampleFile], new: Sequence[SampleFile]) -> list[dict[str, str]]:
    """`unit, kind, title, path, message`; nothing where either side cannot be read or holds too little."""
    before, after = _shapes(old), _shapes(new)
    found = [
        {"unit": shape.name, "kind": str(each.kind), "title": DRIFT_TITLES[each.kind], "path": each.path}
        | {"message": each.message}
        for key, shape in after.items()
        if key in before
        for each in drift(before[key].fields, shape.fields)
    ]
    return found[:_MOST_SHOWN]


def _shapes(files: Sequence[SampleFile]) -> dict[tuple[str | None, tuple[str, ...]], Shape]:
    try:
        messages = [message for sample in read_samples(files[:MAX_FILES]) for message in sample.messages]
    except RejectedError:
        return {}
    return {(shape.table, shape.path): shape for shape in shapes_of(messages)}
