"""The shapes of answers, for the OpenAPI document. Answers are not built from these: a test holds both together."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hub.gateway.rest.clock_models import Answer, Clock
from hub.stores.service_state import MAX_REASON_CHARACTERS


class RecordError(Answer):
    seq: int | None = Field(None, description="记录在报文中的序号，从 1 起")
    record_id: str | None = Field(None, description="记录标识")
    path: str = Field(description="出错的位置")
    code: str = Field(description="错误代码")
    message: str = Field(description="错误说明")


class RecordState(Answer):
    seq: int
    record_id: str | None
    state: Literal["RECEIVED", "QUEUED", "STORED", "QUARANTINED", "REJECTED"]
    code: str | None
    message: str | None


class Receipt(Answer):
    receipt_no: str = Field(description="回执编号")
    message_id: str = Field(description="报文标识")
    status: Literal["ACCEPTED", "PARTIAL", "REJECTED", "DUPLICATE"]
    received_at: AwareDatetime
    digest: str = Field(description="报文正文的 SHA-256，十六进制")
    accepted_count: int
    rejected_count: int
    errors: list[RecordError]
    record_states: list[RecordState] | None = Field(None, description="每条记录的状态（查询回执时给出）")


class Problem(Answer):
    type: str = Field(description="错误说明页的地址")
    title: str
    status: int
    detail: str
    code: str
    retryable: bool = Field(description="原样重试是否可能成功")
    trace_id: str
    errors: list[RecordError]
    receipt: Receipt | None = Field(None, description="记录全部被退回时，报文的回执")


class CaseRow(Answer):
    unified_no: str = Field(description="统一办件编号")
    org_code: str
    org_name: str | None
    case_no: str = Field(description="部门办件编号")
    item_code: str
    item_name: str | None
    title: str | None
    applicant_name: str | None = Field(description="个人只显示首字")
    state: str
    state_title: str
    applied_at: AwareDatetime | None
    accepted_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    promised_due_at: AwareDatetime | None
    statutory_due_at: AwareDatetime | None
    provisional: bool = Field(description="期限落在尚未公布的工作日历中，只是暂算")
    card: Literal["REMINDER", "YELLOW", "RED"] | None = Field(description="生效的最高一级牌")
    card_title: str | None
    first_received_at: AwareDatetime
    last_received_at: AwareDatetime


class Step(Answer):
    record_id: str
    step_seq: int
    step_code: str | None
    step_name: str
    step_status: str
    step_status_title: str
    post: str | None
    office: str | None
    officer_id: str | None
    officer_name: str | None
    started_at: AwareDatetime | None
    handled_at: AwareDatetime | None
    received_at: AwareDatetime
    late_hours: float | None = Field(description="收到比处理晚多少小时")
    revision: int
    opinion: str | None
    risk: dict[str, Any] | None
    receipt_no: str


class Correction(Answer):
    record_id: str
    revision: int
    is_current: bool
    step_name: str
    step_status: str
    step_status_title: str
    handled_at: AwareDatetime | None
    received_at: AwareDatetime
    receipt_no: str


class ApplicationOfCase(Answer):
    title: str
    summary: str | None
    apply_method: str | None
    apply_method_title: str | None
    applied_at: AwareDatetime
    accepted_at: AwareDatetime | None
    applicant_type: str | None
    applicant_type_title: str | None
    applicant_name: str
    applicant_id_type: str | None
    applicant_id_type_title: str | None
    applicant_id_given: bool
    applicant_phone_given: bool
    legal_representative: str | None
    agent_name: str | None
    handling_class: str | None
    handling_class_title: str | None
    promised_limit: int | None
    limit_unit: str | None
    limit_unit_title: str | None
    statutory_limit: int | None
    statutory_limit_unit: str | None
    statutory_limit_unit_title: str | None
    area: str | None


class SpecialOfCase(Answer):
    kind: str
    kind_title: str
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    requested_limit: int | None
    limit_unit: str | None
    limit_unit_title: str | None
    basis: str | None
    approver: str | None
    notified_in_writing: bool | None
    result: str | None


class ResultOfCase(Answer):
    record_id: str
    result_status: str
    result_status_title: str
    finished_at: AwareDatetime
    received_at: AwareDatetime
    opinion: str | None
    receivable: str | None = Field(description="应收，元")
    paid: str | None = Field(description="实收，元")
    relief_reason: str | None
    certificate_name: str | None
    certificate_no: str | None
    certificate_valid_until: str | None
    delivered_at: AwareDatetime | None
    delivery_method: str | None
    satisfaction: int | None
    revision: int
    receipt_no: str


class Material(Answer):
    name: str
    kind: str | None
    copies: int | None
    received: bool | None


class AttachmentOfCase(Answer):
    attachment_id: str
    name: str | None
    kind: str | None
    media_type: str | None
    size: int | None
    digest: str | None
    receipt_no: str | None = Field(description="中心收有内容时，为其回执编号；空 = 只有说明")
    received_at: AwareDatetime | None


class CardRow(Answer):
    id: int
    rule_code: str
    rule_version: int
    rule_title: str
    level: Literal["REMINDER", "YELLOW", "RED"]
    level_title: str
    state: Literal["OPEN", "REPLACED", "CLEARED"]
    state_title: str
    subject: str
    org_code: str
    org_name: str | None
    case_no: str
    unified_no: str
    title: str | None
    raised_at: AwareDatetime
    occurred_at: AwareDatetime | None
    due_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    message: str


class CardOfCase(CardRow):
    evidence: dict[str, Any] = Field(description="判定所依据的全部事实、算式、日历与规则版本")


class CardEvent(Answer):
    at: AwareDatetime
    kind: str
    kind_title: str
    actor: str
    reason: str | None


class CardDetail(CardOfCase):
    events: list[CardEvent]


class Unjudged(Answer):
    rule_code: str
    title: str
    message: str


class Note(Answer):
    record_id: str
    code: str
    path: str
    message: str


class CaseDetail(CaseRow):
    steps: list[Step] = Field(description="按业务次序")
    corrections: list[Correction]
    application: ApplicationOfCase | None
    specials: list[SpecialOfCase]
    result: ResultOfCase | None
    materials: list[Material]
    attachments: list[AttachmentOfCase]
    clock: Clock
    cards: list[CardOfCase]
    unjudged: list[Unjudged] = Field(description="因资料不全而无法判定的规则")
    notes: list[Note]


class MessageRow(Answer):
    receipt_no: str
    message_id: str
    sender: str
    sender_name: str
    kind: Literal["ITEM", "PROCESS", "RESULT"] = Field(description="部门格式的报文一律为 PROCESS，其中可有各种记录")
    kind_title: str
    adapter: str | None = Field(description="部门格式的报文由哪个适配器读取")
    status: Literal["ACCEPTED", "PARTIAL", "REJECTED"]
    status_title: str
    state: str
    state_title: str
    received_at: AwareDatetime
    processed_at: AwareDatetime | None
    accepted_count: int
    rejected_count: int
    quarantined_count: int
    size: int
    digest: str
    trace_id: str


class RecordOfMessage(RecordState):
    state_title: str


class MessageDetail(MessageRow):
    errors: list[RecordError]
    records: list[RecordOfMessage]
    body_format: str
    charset: str


class QuarantineRow(Answer):
    id: int
    receipt_no: str
    message_id: str
    sender: str
    sender_name: str
    seq: int
    record_id: str | None
    code: str
    path: str
    message: str
    state: str
    state_title: str
    quarantined_at: AwareDatetime
    resolved_at: AwareDatetime | None
    resolved_by: str | None
    reason: str | None
    sample: str = Field(description="遮盖后的样本")


class SenderFigures(Answer):
    code: str
    name: str
    last_received_at: AwareDatetime | None
    accepted_today: int
    rejected_today: int


class CardsByLevel(BaseModel):
    """Tokens as they stand in the contract."""

    model_config = ConfigDict(extra="forbid")

    REMINDER: int
    YELLOW: int
    RED: int


class Figures(Answer):
    day: str
    received: int = Field(description="今日收到的报文")
    accepted: int = Field(description="今日接收的记录")
    rejected: int = Field(description="今日退回的记录")
    quarantined: int = Field(description="隔离待处理的记录")
    waiting: int = Field(description="等待处理的报文")
    oldest_waiting_seconds: int
    open_cards: CardsByLevel
    cards_today: CardsByLevel
    open_cases: int
    finished_today: int
    due_soon: int
    incomplete_cases: int
    senders: list[SenderFigures]


class _Page(Answer):
    next: str | None = Field(description="取下一页时放入 after；null 表示没有了")


class CaseList(_Page):
    items: list[CaseRow]


class CardList(_Page):
    items: list[CardRow]


class MessageList(_Page):
    items: list[MessageRow]


class QuarantineList(_Page):
    items: list[QuarantineRow]


class ServiceChange(BaseModel):
    """What is asked for; who and when is known."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["NORMAL", "INTAKE_ONLY", "READ_ONLY", "MAINTENANCE"] = Field(
        description="正常、只收不办、只读、维护"
    )
    reason: str = Field(description="理由，报送方会在应答中看到", min_length=1, max_length=MAX_REASON_CHARACTERS)


class ServiceState(Answer):
    state: Literal["NORMAL", "INTAKE_ONLY", "READ_ONLY", "MAINTENANCE"]
    title: str
    since: AwareDatetime | None
    by: str | None
    reason: str


class Alive(Answer):
    status: Literal["ok"]


class ReadyWarning(Answer):
    name: str
    published_until: str | None = None
    message: str


class Ready(Answer):
    status: Literal["ready"]
    warnings: list[ReadyWarning]
