"""What is told of data quality and reconciliation."""

from datetime import date
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, create_model

from hub.gateway.rest.clock_models import Answer
from hub.stores.quality_measures import MEASURES
from supervision.quality.listening import VOICES


def _totals() -> type[BaseModel]:
    fields: Any = {name: (int, Field(0, description=measure.title)) for name, measure in MEASURES.items()}
    silence: Any = {
        "SILENT_DAYS": (int, Field(0, description="没有报送的工作日")),
        "WORKING_DAYS": (int, Field(0, description="应报送的工作日")),
    }
    return create_model("QualityTotals", __config__=ConfigDict(extra="forbid"), **fields, **silence)


QualityTotals = _totals()


class QualityPart(Answer):
    name: str
    title: str
    weight: int = Field(description="在总分中的权重，各项之和为 100")
    faults: int
    of: int
    score: float | None = Field(description="0 至 100；没有可判断的为 null，权重归其他项")
    fault_measures: list[str] = Field(description="faults 由这些指标相加；明细见 /quality/records?measure=")
    of_measures: list[str]


class SenderSilence(Answer):
    sender: str
    sender_name: str
    voice: str = Field(description="、".join(f"{token} {title}" for token, title in VOICES.items()))
    voice_title: str
    since: AwareDatetime | None = Field(description="从何时起超过了惯常的间隔")
    last_received_at: AwareDatetime | None
    expected_until: AwareDatetime | None = Field(description="按节奏，最迟此时应再有报文")
    learned_days: int = Field(description="节奏从多少个工作日学得")
    declared_minutes: int | None = Field(description="适配器声明的间隔（分钟）")


class ScoredDay(Answer):
    day: date
    score: float | None


class SenderQuality(Answer):
    sender: str
    sender_name: str
    score: float | None
    parts: list[QualityPart]
    totals: QualityTotals  # type: ignore[valid-type]
    silence: SenderSilence | None
    trend: list[ScoredDay]


class QualityDay(Answer):
    day: date
    score: float | None
    totals: QualityTotals  # type: ignore[valid-type]
    is_silent: bool


class QualityCode(Answer):
    measure: str
    title: str
    code_title: str
    code: str
    amount: int


class SenderQualityDetail(SenderQuality):
    days: list[QualityDay]
    codes: list[QualityCode]


class QualityList(Answer):
    items: list[SenderQuality]


class SilenceList(Answer):
    items: list[SenderSilence]


class QualityRecord(Answer):
    receipt_no: str
    sender: str
    sender_name: str
    kind: str
    kind_title: str
    record_id: str | None
    code: str
    amount: int = Field(description="计入 figure 的数")
    received_at: AwareDatetime


class QualityRecordList(Answer):
    figure: int = Field(description="等于全部 items 的 amount 之和")
    title: str
    items: list[QualityRecord]
    next: str | None


class HeldCount(Answer):
    kind: str
    state: str
    count: int


class NumberGap(Answer):
    series: str
    title: str
    pattern: str
    count: int
    missing: list[str] = Field(description="缺的编号，最多 500 个")
    refused: dict[str, str] = Field(description="其中当天到过、但被退回或隔离的，及其错误代码")
    confidence: float = Field(description="0 至 1：这些编号有多像连续编号")


class ReconciliationAnswer(Answer):
    sender: str
    day: date
    digest: str
    counts: list[HeldCount]
    gaps: list[NumberGap]


class ListedRecord(Answer):
    record_id: str
    digest: str | None = Field(None, description="所在报文的摘要（回执中的 digest）；给了才核对")
    kind: str | None = None


class OwnList(Answer):
    """报送方自己的清单；也可以用 CSV，第一行为列名。"""

    day: date | None = Field(None, alias="date")
    records: list[ListedRecord | str]


class NamedRecord(Answer):
    record_id: str
    kind: str | None = None
    receipt_no: str | None = None
    state: str | None = None
    code: str | None = None
    received_at: AwareDatetime | None = None


class NamedRecords(Answer):
    count: int
    items: list[NamedRecord] = Field(description="最多 1000 条")


class ComparisonAnswer(Answer):
    sender: str
    day: date
    listed: int
    held: int
    equal: int
    missing_here: NamedRecords = Field(description="清单中有，中心没有")
    other_day: NamedRecords = Field(description="清单中有，中心在另一天收到")
    missing_there: NamedRecords = Field(description="中心有，清单中没有")
    differing: NamedRecords = Field(description="两边都有，所在报文的摘要不同")
    refused: NamedRecords = Field(description="收到过，但被退回")
