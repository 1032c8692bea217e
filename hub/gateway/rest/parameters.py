"""Query parameters of the lists. Empty ones are absent; unknown names and values are refused."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from hub.adapting.rehearsal import MOST_MESSAGES
from hub.domain.codes import CARD_LEVELS, CARD_STATES, CASE_STATES, RECEIPT_STATES
from hub.domain.records import RECORD_KINDS
from hub.gateway.catalogue import catalogue
from hub.stores.adapters import ADAPTER_STATES
from hub.stores.message_views import MESSAGE_STATES, QUARANTINE_STATES
from hub.stores.paging import LARGEST_PAGE
from hub.stores.quality_measures import MEASURES
from hub.stores.replay import ITEM_STATES, JOB_STATES, SELECTED_STATES
from hub.stores.unmapped_codes import UNMAPPED_STATES

_DAY = re.compile("[12][0-9]{3}-[0-9]{2}-[0-9]{2}")
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def _plain(text: str) -> str:
    if _CONTROL.search(text):
        raise PydanticCustomError("not_plain", "control character")
    return text


def _day(written: object) -> date:
    if isinstance(written, str) and _DAY.fullmatch(written):
        try:
            return date.fromisoformat(written)
        except ValueError:
            pass
    raise PydanticCustomError("not_a_day", "not a day")


def _one_of(tokens: Iterable[str]) -> AfterValidator:
    allowed = tuple(tokens)

    def check(token: str) -> str:
        if token not in allowed:
            raise PydanticCustomError("not_listed", "not listed", {"listed": "、".join(allowed)})
        return token

    return AfterValidator(check)


def _shown(tokens: Iterable[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(tokens)})


_MESSAGE_STATUSES = tuple(status for status in RECEIPT_STATES if status != "DUPLICATE")  # a repeat makes no new message

Plain = Annotated[str, Field(max_length=100), AfterValidator(_plain)]
Day = Annotated[date, BeforeValidator(_day)]
Level = Annotated[str, _one_of(CARD_LEVELS), _shown(CARD_LEVELS)]
CaseState = Annotated[str, _one_of(CASE_STATES), _shown(CASE_STATES)]
CardState = Annotated[str, _one_of(CARD_STATES), _shown(CARD_STATES)]
MessageStatus = Annotated[str, _one_of(_MESSAGE_STATUSES), _shown(_MESSAGE_STATUSES)]
MessageState = Annotated[str, _one_of(MESSAGE_STATES), _shown(MESSAGE_STATES)]
QuarantineState = Annotated[str, _one_of(QUARANTINE_STATES), _shown(QUARANTINE_STATES)]
Kind = Annotated[str, _one_of(RECORD_KINDS), _shown(RECORD_KINDS)]
ReplayState = Annotated[str, _one_of(JOB_STATES), _shown(JOB_STATES)]
ReplayedState = Annotated[str, _one_of(ITEM_STATES), _shown(ITEM_STATES)]
SelectedState = Annotated[str, _one_of(SELECTED_STATES), _shown(SELECTED_STATES)]
MeasureName = Annotated[str, _one_of(MEASURES), _shown(MEASURES)]
AdapterState = Annotated[str, _one_of(ADAPTER_STATES), _shown(ADAPTER_STATES)]
UnmappedState = Annotated[str, _one_of(UNMAPPED_STATES), _shown(UNMAPPED_STATES)]
VersionNumber = Annotated[int, Field(ge=1, le=1_000_000)]
ErrorCode = Annotated[str, _one_of(catalogue()), WithJsonSchema({"type": "string", "pattern": "^HUB-[0-9]{4}$"})]


class NoParameters(BaseModel):
    """An operation that takes none."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: Any) -> Any:
        return {name: value for name, value in given.items() if value != ""} if isinstance(given, Mapping) else given


class _List(NoParameters):
    limit: int = Field(50, ge=1, le=LARGEST_PAGE, description="每页条数")
    after: Plain | None = Field(None, description="上一页答复中的 next")


class CaseParameters(_List):
    q: Plain | None = Field(None, description="编号、名称、标题中的文字，一个汉字即可")
    org_code: Plain | None = Field(None, description="办理部门编码")
    item_code: Plain | None = Field(None, description="事项编码")
    state: CaseState | None = Field(None, description="办件状态")
    card: Level | None = Field(None, description="办件上生效的最高一级牌")
    from_day: Day | None = Field(None, alias="from", description="申请日不早于，如 2026-03-02")
    to_day: Day | None = Field(None, alias="to", description="申请日不晚于，如 2026-03-31")


class CardParameters(_List):
    level: Level | None = Field(None, description="牌的级别")
    state: CardState | None = Field(None, description="牌的状态")
    org_code: Plain | None = Field(None, description="办理部门编码")
    rule_code: Plain | None = Field(None, description="规则编码，如 T04")


class MessageParameters(_List):
    sender: Plain | None = Field(None, description="报送方代码")
    status: MessageStatus | None = Field(None, description="接收结果")
    state: MessageState | None = Field(None, description="处理状态")
    q: Plain | None = Field(None, description="回执编号、报文标识或跟踪号")


class QuarantineParameters(_List):
    state: QuarantineState | None = Field(None, description="隔离状态")
    code: ErrorCode | None = Field(None, description="隔离原因的错误代码")


class ReplayParameters(_List):
    state: ReplayState | None = Field(None, description="任务状态")


class ReplayedParameters(_List):
    state: ReplayedState | None = Field(None, description="报文在任务中的状态")


class AdapterParameters(_List):
    q: Plain | None = Field(None, description="代码或名称中的字")
    state: AdapterState | None = Field(None, description="状态")
    sender: Plain | None = Field(None, description="报送方代码")


class VersionParameters(NoParameters):
    version: VersionNumber | None = Field(None, description="版本号；不写为最新")


class DiffParameters(NoParameters):
    old: VersionNumber = Field(description="原来的版本号")
    new: VersionNumber = Field(description="现在的版本号")


class RehearsalParameters(VersionParameters):
    messages: int = Field(50, ge=1, le=MOST_MESSAGES, description="最近多少个报文")


class UnmappedParameters(_List):
    adapter: Plain | None = Field(None, description="适配器代码")
    state: UnmappedState | None = Field(None, description="状态")


class QualityParameters(NoParameters):
    from_day: Day | None = Field(None, alias="from", description="收到日不早于；不写为 to 之前 29 天")
    to_day: Day | None = Field(None, alias="to", description="收到日不晚于；不写为今天")


class QualityRecordParameters(QualityParameters):
    measure: MeasureName = Field(description="指标")
    sender: Plain | None = Field(None, description="报送方代码")
    kind: Kind | None = Field(None, description="记录种类")
    code: Plain | None = Field(None, description="错误代码或字段")
    limit: int = Field(50, ge=1, le=LARGEST_PAGE, description="每页条数")
    after: Plain | None = Field(None, description="上一页答复中的 next")


class ReconciliationParameters(NoParameters):
    sender: Plain | None = Field(None, description="报送方代码；报送方自己对账时不写")
    day: Day | None = Field(None, alias="date", description="收到日（北京时间）；不写为今天")
