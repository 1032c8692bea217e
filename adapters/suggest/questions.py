"""What a draft leaves to a person."""

from dataclasses import dataclass
from enum import StrEnum


class QuestionKind(StrEnum):
    MISSING = "MISSING"  # a required field has no source: the document does not compile before it has one
    ASSUMED = "ASSUMED"  # the draft put a constant or a stand-in
    CODES = "CODES"  # values without a standard code, or with more than one published meaning
    UNUSED = "UNUSED"
    LEFT_OUT = "LEFT_OUT"


QUESTION_TITLES = {
    QuestionKind.MISSING: "缺必填项", QuestionKind.ASSUMED: "暂定，请核对", QuestionKind.CODES: "代码待确认",
    QuestionKind.UNUSED: "没有用上的字段", QuestionKind.LEFT_OUT: "没有用上的样例",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """`route` is the route or unit it is about, `target` the canonical field; empty when it is about the whole."""

    kind: QuestionKind
    route: str
    target: str
    text: str
