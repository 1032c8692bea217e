"""What differs between two versions of an adapter document, by what it means: a field, a code, a unit, a policy."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.expressions import describe
from hub.domain.fields import FieldSpec, Group, field_specs
from hub.domain.records import RECORD_KINDS


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `kind` is ADDED, REMOVED or CHANGED; `area` the part of the document, `subject` what it is
    called on the screen; `before` and `after` in words."""

    kind: str
    area: str
    subject: str
    before: str = ""
    after: str = ""


_PLAIN_PARTS: Mapping[str, str] = {
    "title": "名称", "description": "说明", "department": "部门", "sender": "报送方", "transport": "传输方式",
    "authentication": "对外认证", "namespaces": "命名空间", "quota": "配额", "rhythm": "报送节奏",
    "reply": "应答模板",
}  # fmt: skip


_POLICIES: Mapping[str, str] = {
    "unknownField": "没有见过的字段", "missingRequired": "缺少必填项", "badValue": "值有误",
    "unknownCode": "代码没有对照",
}  # fmt: skip
_MEASURES: Mapping[str, str] = {"flag": "标记", "quarantine": "隔离", "reject": "退回", "ignore": "不管"}


def diff_documents(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Differences in the order of the document; nothing for another order of keys."""
    return [
        *_plain(old, new),
        *_intake(old.get("intake", {}), new.get("intake", {})),
        *_routes(old.get("routes", ()), new.get("routes", ())),
        *_code_maps(old.get("codeMaps", {}), new.get("codeMaps", {})),
        *_samples(old.get("samples", ()), new.get("samples", ())),
    ]


def _plain(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name, title in _PLAIN_PARTS.items():
        yield from _compared("基本信息", title, old.get(name), new.get(name))
    before, after = old.get("contract", {}), new.get("contract", {})
    for name, title in _POLICIES.items():
        yield from _compared("约定", title, before.get(name), after.get(name), lambda policy: _MEASURES[policy])


def _intake(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    titles = {
        "format": "格式",
        "encodings": "字符编码",
        "nullWords": "表示没有的词",
        "repair": "修补",
        "messageId": "报文标识",
    }
    for name, title in titles.items():
        yield from _compared("接收", title, old.get(name), new.get(name))
    before, after = _named(old.get("units", ())), _named(new.get("units", ()))
    for name in {**before, **after}:
        yield from _compared("记录", name, before.get(name), after.get(name))


def _routes(old: Any, new: Any) -> Iterator[Change]:
    before, after = _named(old), _named(new)
    for name in {**before, **after}:
        one, other = before.get(name), after.get(name)
        if one is None or other is None:
            yield Change("ADDED" if one is None else "REMOVED", "路由", name)
            continue
        for part, title in (("unit", "取自记录"), ("when", "条件"), ("store", "进入的库"), ("corrections", "更正方式")):
            yield from _compared(f"路由 {name}", title, one.get(part), other.get(part))
        yield from _fields(f"路由 {name}", other["store"], "", one["fields"], other["fields"])


def _fields(area: str, store: str, below: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Of a list also the fields of its entries, one by one."""
    for target in {**old, **new}:
        before, after = old.get(target), new.get(target)
        if before and after and "of" in before and "of" in after:
            yield from _compared(area, title_of(store, below + target), before["list"], after["list"], _words_of_list)
            yield from _fields(area, store, f"{below}{target}.", before["of"], after["of"])
        else:
            yield from _compared(area, title_of(store, below + target), before, after, _words_of_value)


def _code_maps(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in {**old, **new}:
        one, other = old.get(name), new.get(name)
        if one is None or other is None:
            yield Change("ADDED" if one is None else "REMOVED", "代码对照表", name)
            continue
        yield from _compared(f"代码对照表 {name}", "对照到", one["target"], other["target"])
        yield from _compared(f"代码对照表 {name}", "没有对照时", one.get("otherwise"), other.get("otherwise"))
        for code in {**one["values"], **other["values"]}:
            yield from _compared(f"代码对照表 {name}", code, one["values"].get(code), other["values"].get(code))


def _samples(old: Any, new: Any) -> Iterator[Change]:
    before, after = _named(old), _named(new)
    for name in {**before, **after}:
        if before.get(name) != after.get(name):
            kind = "ADDED" if name not in before else "REMOVED" if name not in after else "CHANGED"
            yield Change(kind, "样例", name)


def _named(parts: Any) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for place, part in enumerate(parts, start=1):
        name = part.get("name") or f"第 {place} 条"
        named[f"{name}（{place}）" if name in named else name] = part
    return named


def _compared(
    area: str, subject: str, old: Any, new: Any, words: Callable[[Any], str] | None = None
) -> Iterator[Change]:
    if old == new:
        return
    kind = "ADDED" if old is None else "REMOVED" if new is None else "CHANGED"
    before, after = (_words(value, words or _plain_words) for value in (old, new))
    if before == after:  # what differs is not in the words
        before, after = (_words(value, _plain_words) for value in (old, new))
    yield Change(kind, area, subject, before, after)


def _words(value: Any, words: Callable[[Any], str]) -> str:
    return "" if value is None else words(value)


def _plain_words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _words_of_value(value: Mapping[str, Any]) -> str:
    rest = {name: value[name] for name in ("convert", "codes", "default") if name in value}
    return describe(value) + (f"，{json.dumps(rest, ensure_ascii=False)}" if rest else "")


def _words_of_list(source: Mapping[str, Any]) -> str:
    return describe({"list": source})


def title_of(store: str, target: str) -> str:
    """What a dotted field is called on the screen: 申请信息·申请者名称（application.applicantName）."""
    specs = {spec.wire: spec for spec in field_specs(RECORD_KINDS[store].record)}
    titles = []
    for name in target.split("."):
        spec: FieldSpec | None = specs.get(name)
        if spec is None:
            return target
        titles.append(spec.title)
        specs = {inner.wire: inner for inner in field_specs(spec.kind.record)} if isinstance(spec.kind, Group) else {}
    return f"{'·'.join(titles)}（{target}）"
