"""Runs the samples that stand in an adapter document: what it makes of them against what is expected."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.engine import CompiledAdapter, sample_content
from adapters.reading import MessageReading
from hub.domain.errors import FieldIssue, RejectedError

_MOST_DIFFERENCES = 20


@dataclass(frozen=True, slots=True)
class SampleOutcome:
    """What became of one sample. `differences` say in Chinese what is not as expected; none: it passed."""

    name: str
    differences: Sequence[str] = ()

    @property
    def passed(self) -> bool:
        return not self.differences


def run_samples(compiled: CompiledAdapter) -> list[SampleOutcome]:
    """Every sample of the document in its order."""
    return [run_sample(compiled, sample) for sample in compiled.document.get("samples", ())]


def run_sample(compiled: CompiledAdapter, sample: Mapping[str, Any]) -> SampleOutcome:
    expect = sample["expect"]
    reading, refusal = _read(compiled, sample)
    found = [
        *_records_differ(expect.get("records"), reading, refusal),
        *_error_differs(expect.get("error"), reading, refusal),
    ]
    return SampleOutcome(sample["name"], tuple(found[:_MOST_DIFFERENCES]))


def result_of(compiled: CompiledAdapter, sample: Mapping[str, Any]) -> dict[str, Any]:
    """What the sample gives now, in the form of `expect`: to be accepted as the expected result."""
    reading, refusal = _read(compiled, sample)
    if reading is None:
        return {"error": _error_json(refusal)} if refusal else {}
    issues = _issues(reading)
    expect: dict[str, Any] = {"records": _records(reading)}
    return expect | {"error": {"code": issues[0].code, "path": issues[0].path}} if issues else expect


def _read(compiled: CompiledAdapter, sample: Mapping[str, Any]) -> tuple[MessageReading | None, RejectedError | None]:
    try:
        return compiled.read(sample_content(sample)), None
    except RejectedError as exc:
        return None, exc


def _error_json(refusal: RejectedError) -> dict[str, Any]:
    return {"code": refusal.code} | ({"path": refusal.path} if refusal.path else {})


def _records(reading: MessageReading) -> list[dict[str, Any]]:
    outputs = (output for unit in reading.units for output in unit.outputs)
    return [{"store": output.kind.name, "content": dict(output.content)} for output in outputs if output.reading.record]


def _issues(reading: MessageReading) -> list[FieldIssue]:
    return [issue for unit in reading.units for issue in unit.issues]


def _records_differ(
    expected: Sequence[Mapping[str, Any]] | None, reading: MessageReading | None, refusal: RejectedError | None
) -> Iterator[str]:
    if expected is None:
        return
    if reading is None:
        yield f"整个报文被退回：{refusal.code} {refusal.message}" if refusal else "没有读出记录"
        return
    found = _records(reading)
    if len(found) != len(expected):
        issues = "；".join(f"{issue.code} {issue.path} {issue.message}" for issue in _issues(reading)[:3])
        yield f"应得到 {len(expected)} 条记录，实得 {len(found)} 条" + (f"（{issues}）" if issues else "")
    for place, (wanted, got) in enumerate(zip(expected, found, strict=False), start=1):
        if wanted["store"] != got["store"]:
            yield f"第 {place} 条：应进入 {wanted['store']}，实为 {got['store']}"
        yield from (f"第 {place} 条：{line}" for line in _values_differ(wanted["content"], got["content"], ""))


def _values_differ(wanted: Any, got: Any, path: str) -> Iterator[str]:
    if isinstance(wanted, Mapping) and isinstance(got, Mapping):
        for name in {**wanted, **got}:
            yield from _values_differ(wanted.get(name), got.get(name), f"{path}/{name}" if path else name)
    elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        for place, (one, other) in enumerate(zip(wanted, got, strict=True), start=1):
            yield from _values_differ(one, other, f"{path}[{place}]")
    elif wanted != got:
        yield f"{path} 应为 {_shown(wanted)}，实为 {_shown(got)}"


def _shown(value: Any) -> str:
    return "（没有）" if value is None else str(value)[:200]


def _error_differs(
    expected: Mapping[str, Any] | None, reading: MessageReading | None, refusal: RejectedError | None
) -> Iterator[str]:
    found = [(refusal.code, refusal.path or "")] if refusal else []
    found += [(issue.code, issue.path) for issue in _issues(reading)] if reading else []
    if expected is None:
        yield from (f"没有料到的问题：{code} {path}".rstrip() for code, path in found[:3])
        return
    for code, path in found:
        if code == expected["code"] and expected.get("path") in (None, path):
            return
    got = "、".join(f"{code} {path}".rstrip() for code, path in found[:3]) or "没有问题"
    yield f"应报 {expected['code']} {expected.get('path', '')}".rstrip() + f"，实为 {got}"
