"""The closed list of converters: what may be done to a value between the sender's field and the contract's.

Each takes one value and gives one; none can run long, none can reach anything but its value. None, which is nothing,
only `default` takes. Converters that check (`residentId`, `creditCode`) change nothing: a wrong check digit is noted by
the contract.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from adapters.chinese_times import as_china_text, check_format, china_day, from_excel_serial, read_by_format, read_time
from adapters.patterns import bounded_pattern
from hub.domain.errors import RejectedError
from hub.domain.identifiers import tidy

Convert = Callable[[Any], Any]

LONGEST_CONVERTED = 200_000
MOST_PARTS = 500
_REVISION_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class ConversionError(ValueError):
    """A value that a converter cannot take; `code` of the error catalogue and the Chinese text, never the value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Converter:
    """One converter: how it is called on the screen, what its argument means, how it is made of the argument."""

    name: str
    title: str
    argument: str
    make: Callable[[Any], Convert]
    needs_argument: bool = False


def compile_converters(steps: Sequence[str | Mapping[str, Any]]) -> Convert:
    """The steps one after the other. Raises RejectedError HUB-3021 for an unknown name or an argument that does not
    fit."""
    made = [(_made(step), _name(step) == _FOR_NOTHING) for step in steps]

    def convert(value: Any) -> Any:
        if isinstance(value, str) and len(value) > LONGEST_CONVERTED:
            raise ConversionError("HUB-3005", f"文本过长，最多转换 {LONGEST_CONVERTED} 个字符")
        for step, is_for_nothing in made:
            if (value is None) == is_for_nothing:
                value = step(value)
        return value

    return convert


def _name(step: str | Mapping[str, Any]) -> str:
    return step if isinstance(step, str) else next(iter(step))


def _made(step: str | Mapping[str, Any]) -> Convert:
    name = _name(step)
    argument = None if isinstance(step, str) else step[name]
    converter = CONVERTERS.get(name)
    if converter is None:
        raise RejectedError("HUB-3021", "没有这个转换器；可用：" + "、".join(CONVERTERS))
    if converter.needs_argument and argument is None:
        raise RejectedError("HUB-3021", f"转换器 {name} 需要参数：{converter.argument}")
    try:
        return converter.make(argument)
    except (TypeError, ValueError, KeyError, AttributeError) as exc:
        raise RejectedError("HUB-3021", f"转换器 {name} 的参数不对；应为：{converter.argument or '没有参数'}") from exc


# --- text -----------------------------------------------------------------------------------------------------------


def as_text(value: Any) -> str:
    """Numbers as departments write them: 3.0 of a spreadsheet is 3."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return as_china_text(value) if value.tzinfo else value.isoformat(sep=" ")
    return value if isinstance(value, str) else str(value)


def _plain(change: Callable[[str], str]) -> Callable[[Any], Convert]:
    """A change of text without argument; what is left blank is absent."""

    def make(argument: Any) -> Convert:
        if argument is not None:
            raise ValueError("takes no argument")
        return lambda value: change(as_text(value)) or None

    return make


def _half_width(text: str) -> str:
    return "".join(
        unicodedata.normalize("NFKC", sign) if sign == "\u3000" or "\uff01" <= sign <= "\uff5e" else sign
        for sign in text
    )


def _substring(argument: Mapping[str, int]) -> Convert:
    start, length = int(argument.get("start", 1)), argument.get("length")
    end = None if length is None else start - 1 + int(length)
    if start < 1 or (end is not None and end < start):
        raise ValueError("counted from 1")
    return lambda value: as_text(value)[start - 1 : end] or None


def _part(argument: Mapping[str, Any]) -> Convert:
    by, index = _separator(argument["by"]), int(argument["index"])
    if index == 0:
        raise ValueError("counted from 1, or from the end by -1")
    place = index - 1 if index > 0 else index

    def convert(value: Any) -> str | None:
        parts = as_text(value).split(by, MOST_PARTS)
        return parts[place].strip() or None if -len(parts) <= place < len(parts) else None

    return convert


def split_parts(text: str, by: str) -> list[str]:
    """The parts that are not blank; separators may trail, and come full-width."""
    alike = {";": "；", ",": "，", "，": ",", "；": ";", "、": "、"}.get(by, by)
    return [part.strip() for part in text.replace(alike, by).split(by, MOST_PARTS) if part.strip()]


def _separator(by: Any) -> str:
    if not isinstance(by, str) or not 1 <= len(by) <= 5:
        raise ValueError("one to five characters")
    return by


def _match(argument: Mapping[str, Any]) -> Convert:
    pattern, group = bounded_pattern(argument["pattern"]), argument.get("group", 0)
    if isinstance(group, bool) or not isinstance(group, int) or not 0 <= group <= pattern.compiled.groups:
        raise ValueError("no such group")
    search, longest = pattern.compiled.search, pattern.longest_text

    def convert(value: Any) -> str | None:
        text = as_text(value)
        if len(text) > longest:
            raise ConversionError("HUB-3005", f"文本过长，这个匹配模式最多读 {longest} 个字符")
        found = search(text)
        return (found[group] or None) if found else None

    return convert


# --- times ----------------------------------------------------------------------------------------------------------


def _moment(formats: Any) -> Callable[[Any], datetime]:
    forms = _formats(formats)

    def read(value: Any) -> datetime:
        moment = _as_moment(value, forms)
        if moment is None:
            raise ConversionError("HUB-3007", "应为真实存在的时间")
        return moment

    return read


def _as_moment(value: Any, forms: Sequence[str]) -> datetime | None:
    if isinstance(value, datetime):
        return read_time(value.isoformat())
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return from_excel_serial(value) or read_time(as_text(value))
    text = as_text(value)
    return read_by_format(text, forms) if forms else read_time(text)


def _formats(argument: Any) -> Sequence[str]:
    forms = [argument] if isinstance(argument, str) else list(argument or ())
    if len(forms) > 10 or any(not isinstance(form, str) or len(form) > 60 for form in forms):
        raise ValueError("at most ten forms")
    for form in forms:
        check_format(form)
    return forms


def _datetime(argument: Any) -> Convert:
    read = _moment(argument)
    return lambda value: as_china_text(read(value))


def _day(argument: Any) -> Convert:
    read = _moment(argument)
    return lambda value: china_day(read(value)).isoformat()


def _revision_time(argument: Any) -> Convert:
    read = _moment(argument)
    return lambda value: max(int((read(value) - _REVISION_BEGINNING).total_seconds()), 1)


def _excel_serial(argument: Any) -> Convert:
    if argument is not None:
        raise ValueError("takes no argument")

    def convert(value: Any) -> str:
        number = _decimal(as_text(value))
        moment = None if number is None else from_excel_serial(float(number))
        if moment is None:
            raise ConversionError("HUB-3007", "应为电子表格的日期序号")
        return as_china_text(moment)

    return convert


# --- numbers and flags ----------------------------------------------------------------------------------------------

_MONEY_SIGNS = re.compile(r"[\s,，￥¥]|人民币|RMB|CNY")
_UNITS = MappingProxyType({"yuan": Decimal(1), "fen": Decimal("0.01"), "wanyuan": Decimal(10_000)})
_WRITTEN_UNITS = (("万元", Decimal(10_000)), ("元整", Decimal(1)), ("元", Decimal(1)), ("分", Decimal("0.01")))
_MOST_YUAN = Decimal(10) ** 14


def _amount(argument: Mapping[str, str] | None) -> Convert:
    unit = _UNITS[(argument or {}).get("unit", "yuan")]

    def convert(value: Any) -> str:
        text, factor = _MONEY_SIGNS.sub("", as_text(value)), unit
        for written, meant in _WRITTEN_UNITS:
            if text.endswith(written):
                text, factor = text.removesuffix(written), meant
                break
        number = _decimal(text)
        if number is None or not 0 <= number * factor < _MOST_YUAN:
            raise ConversionError("HUB-3004", "应为金额")
        return str((number * factor).quantize(Decimal("0.01")))

    return convert


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text) if len(text) <= 40 and "_" not in text else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() and abs(number) < 10**20 else None


def whole_number(value: Any) -> int:
    """Raises ConversionError HUB-3004."""
    number = _decimal(as_text(value).strip())
    if number is None or number != number.to_integral_value():
        raise ConversionError("HUB-3004", "应为整数")
    return int(number)


def _whole(argument: Any) -> Convert:
    if argument is not None:
        raise ValueError("takes no argument")
    return whole_number


def _add(argument: Any) -> Convert:
    if isinstance(argument, bool) or not isinstance(argument, int) or abs(argument) > 1_000_000:
        raise ValueError("a whole number")
    return lambda value: whole_number(value) + argument


_YES = frozenset({"1", "true", "t", "y", "yes", "是", "有", "真", "已"})
_NO = frozenset({"0", "false", "f", "n", "no", "否", "无", "假", "未"})


def _boolean(argument: Mapping[str, Sequence[str]] | None) -> Convert:
    yes = frozenset(as_text(word).lower() for word in argument["yes"]) if argument and "yes" in argument else _YES
    no = frozenset(as_text(word).lower() for word in argument["no"]) if argument and "no" in argument else _NO

    def convert(value: Any) -> bool:
        word = as_text(value).strip().lower()
        if word in yes or word in no:
            return word in yes
        raise ConversionError("HUB-3004", "应为是或否")

    return convert


_FOR_NOTHING = "default"


def _default(argument: Any) -> Convert:
    """For a value that an earlier step emptied; `default` beside `from` is for one that is not there."""
    text = as_text(argument)
    return lambda value: text


_CLOSED_LIST = (
    Converter("trim", "去掉两端空白", "", _plain(str.strip)),
    Converter("upper", "转大写", "", _plain(str.upper)),
    Converter("lower", "转小写", "", _plain(str.lower)),
    Converter("halfWidth", "全角转半角", "", _plain(_half_width)),
    Converter("collapseSpaces", "合并连续空白", "", _plain(lambda text: " ".join(text.split()))),
    Converter("digits", "只留数字", "", _plain(lambda text: "".join(filter(str.isdecimal, text)))),
    Converter("substring", "截取", "start（从 1 起）与 length", _substring, needs_argument=True),
    Converter("part", "按分隔符取一段", "by（分隔符）与 index（从 1 起，-1 为最后一段）", _part, needs_argument=True),
    Converter("match", "按模式取一段", "pattern（受限的正则表达式）与 group（可省略）", _match, needs_argument=True),
    Converter("datetime", "时间", "时间格式的清单（可省略，省略时自动识别）", _datetime),
    Converter("day", "日期", "日期格式的清单（可省略）", _day),
    Converter("excelSerial", "电子表格的日期序号", "", _excel_serial),
    Converter("revisionTime", "更新时间作为更改版本号", "时间格式的清单（可省略）", _revision_time),
    Converter("whole", "整数", "", _whole),
    Converter("add", "加上一个整数", "整数", _add, needs_argument=True),
    Converter("amount", "金额", "unit：yuan（元）、fen（分）、wanyuan（万元）", _amount),
    Converter("boolean", "是否", "yes 与 no 两个清单（可省略）", _boolean),
    Converter("residentId", "身份证号码", "", _plain(tidy)),
    Converter("creditCode", "统一社会信用代码", "", _plain(tidy)),
    Converter("default", "空时取", "文本", _default, needs_argument=True),
)
CONVERTERS: Mapping[str, Converter] = MappingProxyType({converter.name: converter for converter in _CLOSED_LIST})
