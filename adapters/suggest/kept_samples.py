"""The given messages as samples of the draft, with what the draft makes of them now as what is expected.

A person looks at it before anything goes live. A message that the draft cannot read well yet expects nothing, and so
keeps failing until somebody has mended the mapping.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.engine import CompiledAdapter, compile_adapter
from adapters.sample_runs import result_of
from adapters.suggest.sample_files import ReadSample
from hub.domain.errors import RejectedError

_LONGEST_SAMPLE = 20_000
_ALL_SAMPLES = 60_000
_MOST_SAMPLES = 10


def kept_samples(
    document: Mapping[str, Any], samples: Sequence[ReadSample], units: Mapping[str | None, str]
) -> list[dict[str, Any]]:
    """As many of the messages as a document has room for. `units`: name of the unit by the table its rows are of."""
    adapter = _compiled(document)
    return [kept | {"expect": _expected(adapter, kept)} for kept in _chosen(samples, units)]


def _chosen(samples: Sequence[ReadSample], units: Mapping[str | None, str]) -> Iterator[dict[str, Any]]:
    left = _ALL_SAMPLES
    fitting = [sample for sample in samples if sample.format != "wsdl" and len(sample.file.body) <= _LONGEST_SAMPLE]
    for number, sample in enumerate(fitting[:_MOST_SAMPLES], start=1):
        left -= len(sample.file.body)
        if left < 0:
            return
        unit = units.get(sample.messages[0].table) if sample.messages[0].table else None
        named = {"name": f"{number} {sample.file.name}"[:100]} | _content(sample)
        yield named | ({"unit": unit} if unit else {})


def _content(sample: ReadSample) -> dict[str, Any]:
    """As text where the text gives the same bytes again."""
    body = sample.file.body
    if sample.format != "xlsx":
        text = body.decode(sample.charset, errors="ignore")
        if "\r" not in text and text.encode(sample.charset) == body:
            return {"input": text} | ({"encoding": sample.charset} if sample.charset != "utf-8" else {})
    return {"base64": base64.b64encode(body).decode("ascii")}


def _compiled(document: Mapping[str, Any]) -> CompiledAdapter | None:
    try:
        return compile_adapter(document)
    except RejectedError:
        return None


def _expected(adapter: CompiledAdapter | None, sample: Mapping[str, Any]) -> dict[str, Any]:
    found = result_of(adapter, sample) if adapter else {}
    return {"records": [] if "error" in found else found.get("records", [])}
