"""What is asked of and told about replay jobs."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from hub.domain.times import day_bounds
from hub.gateway.rest.clock_models import Answer
from hub.gateway.rest.parameters import Day, ErrorCode, Kind, Plain, SelectedState
from hub.stores.replay import LARGEST_BATCH, LARGEST_JOB, LARGEST_LIST, LARGEST_RATE, Order, Selection

RowNumber = Annotated[int, Field(ge=1, le=2**63 - 1)]


class ReplayOrder(BaseModel):
    """选择报文的三种办法用其一：回执编号；隔离记录编号；筛选条件（state 及其后各项）。"""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    receipt_nos: list[Plain] = Field([], max_length=LARGEST_LIST, description="回执编号")
    quarantine_ids: list[RowNumber] = Field([], max_length=LARGEST_LIST, description="隔离记录编号")
    state: SelectedState | None = Field(None, description="QUARANTINED 有待处理的隔离记录，PROCESSED 已处理")
    sender: Plain | None = Field(None, description="报送方代码")
    code: ErrorCode | None = Field(None, description="隔离原因的错误代码")
    kind: Kind | None = Field(None, description="报文种类")
    from_day: Day | None = Field(None, alias="from", description="收到日不早于，如 2026-03-02")
    to_day: Day | None = Field(None, alias="to", description="收到日不晚于，如 2026-03-31")
    limit: int = Field(LARGEST_JOB, ge=1, le=LARGEST_JOB, description="最多选多少个报文，早到的优先")
    batch_size: int = Field(50, ge=1, le=LARGEST_BATCH, description="队列中同时最多有多少个本任务的报文")
    rate_per_second: int | None = Field(None, ge=1, le=LARGEST_RATE, description="每秒最多放入多少个；null 不另限")
    dry_run: bool = Field(True, description="先试运行：照实处理后撤销，算出会改变什么；结束后待启动")

    def order(self, request_key: str) -> Order:
        selection = Selection(
            receipt_nos=self.receipt_nos,
            quarantine_ids=self.quarantine_ids,
            state=self.state,
            sender=self.sender,
            code=self.code,
            kind=self.kind,
            received_from=day_bounds(self.from_day)[0] if self.from_day else None,
            received_to=day_bounds(self.to_day)[1] if self.to_day else None,
            limit=self.limit,
        )
        return Order(selection, self.batch_size, self.rate_per_second, self.dry_run, request_key)


class ReplayForecast(Answer):
    messages: int
    skipped: int = Field(description="已全部作废或已无待处理记录的报文")
    failing_messages: int = Field(description="仍有记录会被隔离的报文")
    new_records: int = Field(description="会新入库的记录")
    unchanged_records: int = Field(description="已经入库、不会改变的记录")
    failing_records: dict[str, int] = Field(description="仍会被隔离的记录，按错误代码")
    cards_raised: int
    cards_restated: int
    cards_cleared: int


class ReplayCounts(BaseModel):
    """Every message of a job stands in exactly one."""

    model_config = ConfigDict(extra="forbid")

    WAITING: int
    QUEUED: int
    STORED: int
    QUARANTINED: int
    SKIPPED: int
    CANCELLED: int


class ReplayJob(Answer):
    id: int
    state: str
    state_title: str
    selection: dict[str, Any]
    matched_count: int = Field(description="建立时符合条件的报文数")
    item_count: int = Field(description="本任务的报文数，等于 counts 之和")
    counts: ReplayCounts
    batch_size: int
    rate_per_second: int | None
    forecast: ReplayForecast | None = Field(description="试运行的结果")
    created_at: AwareDatetime
    created_by: str
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None


class ReplayJobList(Answer):
    items: list[ReplayJob]
    next: str | None


class ReplayItemForecast(Answer):
    new_records: int
    unchanged_records: int
    failing_records: dict[str, int]
    cards_changed: int


class ReplayItem(Answer):
    receipt_no: str
    sender: str
    sender_name: str
    state: str
    state_title: str
    held_count: int | None = Field(description="重放后仍隔离的记录数")
    queued_at: AwareDatetime | None
    settled_at: AwareDatetime | None
    forecast: ReplayItemForecast | None


class ReplayItemList(Answer):
    items: list[ReplayItem]
    next: str | None
