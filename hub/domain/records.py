"""The canonical records of contract §3: what every door turns a department's data into.

Field names follow the guideline (工信部联信〔2011〕455号); docs/glossary.md maps them to foreign names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from hub.domain.codes import (
    APPLICANT_TYPE,
    APPLY_METHOD,
    HANDLING_CLASS,
    ID_TYPE,
    ITEM_TYPE,
    LIMIT_UNIT,
    ORG_NATURE,
    RESULT_STATUS,
    SPECIAL_KIND,
    STEP_STATUS,
)
from hub.domain.fields import Binary, Code, Day, Flag, Group, Instant, Money, Text, Whole, many, must, optional, wanted

LIMIT = Whole(0, 9999)
REVISION = Whole(1, 2_147_483_647)  # wide enough for a time of change in seconds
CODE_TEXT = Text(100)
ORG_CODE = Text(18)
NAME = Text(200)
LONG_TEXT = Text(4000)
DOCUMENT = Text(20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """One charge of a service item."""

    name: str = must(NAME, "收费项目名称")
    amount: Decimal | None = optional(Money(), "收费金额")
    basis: str | None = optional(LONG_TEXT, "收费依据")
    reducible: bool | None = optional(Flag(), "是否可减免")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemStep:
    """One step of the item's flow (权力运行流程图)."""

    step_code: str | None = optional(CODE_TEXT, "环节编码")
    step_name: str = must(NAME, "环节名称")
    post: str | None = optional(NAME, "岗位")
    role: str | None = optional(NAME, "职责")
    limit: int | None = optional(LIMIT, "环节时限")
    limit_unit: str | None = optional(Code(LIMIT_UNIT), "环节时限单位")
    starts_clock: bool | None = optional(Flag(), "是否计时起点")
    is_risk: bool | None = optional(Flag(), "是否风险点")
    is_start: bool | None = optional(Flag(), "是否起始环节")
    is_end: bool | None = optional(Flag(), "是否结束环节")
    next: tuple[str, ...] = many(CODE_TEXT, "后续环节编码")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemMaterial:
    """One material an applicant must bring."""

    name: str = must(Text(500), "材料名称")
    kind: str | None = optional(CODE_TEXT, "材料类型")
    copies: int | None = optional(Whole(0, 999), "份数")
    required: bool | None = optional(Flag(), "是否必需")


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """An integrity risk point (廉政风险点) and how it is controlled."""

    type: str | None = optional(Text(300), "风险点类别")
    description: str | None = optional(Text(2000), "风险点描述")
    control: str | None = optional(LONG_TEXT, "风险内控的手段")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceItem:
    """A service item (政务服务事项), store 1. Key: itemCode and revision."""

    item_code: str = must(CODE_TEXT, "事项编码")
    item_name: str = must(Text(1000), "事项名称")
    item_type: str = must(Code(ITEM_TYPE), "事项类型")
    handling_class: str = must(Code(HANDLING_CLASS), "办件类型")
    org_code: str = must(ORG_CODE, "办理主体编码")
    org_name: str = must(NAME, "办理主体名称")
    org_nature: str | None = optional(Code(ORG_NATURE), "办理主体性质")
    entrusted_by: str | None = optional(NAME, "委托单位名称")
    office: str | None = optional(Text(400), "办理科室")
    legal_basis: str = must(DOCUMENT, "行使依据")
    accept_conditions: str = must(DOCUMENT, "受理条件")
    is_charged: bool = must(Flag(), "是否收费")
    fee_basis: str | None = optional(DOCUMENT, "收费依据")
    fee_standard: str | None = optional(DOCUMENT, "收费标准")
    fee: tuple[Fee, ...] = many(Group(Fee), "收费项目")
    statutory_limit: int | None = wanted(LIMIT, "法定期限")
    statutory_limit_unit: str | None = wanted(Code(LIMIT_UNIT), "法定期限单位")
    promised_limit: int = must(LIMIT, "承诺期限")
    promised_limit_unit: str = must(Code(LIMIT_UNIT), "承诺期限单位")
    special_procedure: tuple[str, ...] = many(Code(SPECIAL_KIND), "不计入期限的环节")
    address: str = must(Text(500), "办理地点")
    office_hours: str | None = optional(NAME, "办理时间")
    phone: str = must(CODE_TEXT, "联系电话")
    supervision_phone: str = must(NAME, "监督电话")
    step: tuple[ItemStep, ...] = many(Group(ItemStep), "流程环节")
    material: tuple[ItemMaterial, ...] = many(Group(ItemMaterial), "申报材料")
    form: tuple[str, ...] = many(Text(500), "服务表格")
    faq: tuple[str, ...] = many(LONG_TEXT, "常见问题解答")
    online_url: str | None = optional(Text(500), "在线办理链接")
    risk: tuple[Risk, ...] = many(Group(Risk), "风险点")
    valid_from: date | None = optional(Day(), "启用日期")
    revision: int = optional(REVISION, "更改版本号", default=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationMaterial:
    """One material handed in with an application."""

    name: str = must(Text(500), "材料名称")
    kind: str | None = optional(CODE_TEXT, "材料类型")
    copies: int | None = optional(Whole(0, 999), "份数")
    received: bool | None = optional(Flag(), "是否已收取")


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What was applied for, by whom, under which promise. Sent at least once per case."""

    title: str = must(NAME, "办件名称")
    summary: str | None = wanted(Text(1000), "办件摘要")
    apply_method: str | None = wanted(Code(APPLY_METHOD), "申请方式")
    apply_form: str | None = optional(DOCUMENT, "申请表格")
    material: tuple[ApplicationMaterial, ...] = many(Group(ApplicationMaterial), "申请提交材料")
    applied_at: datetime = must(Instant(), "申请时间")
    accepted_at: datetime | None = optional(Instant(), "受理时间")
    applicant_type: str | None = wanted(Code(APPLICANT_TYPE), "申请者类型")
    applicant_name: str = must(NAME, "申请者名称")
    applicant_id_type: str | None = wanted(Code(ID_TYPE), "申请者证件类型")
    applicant_id_no: str | None = wanted(Text(50), "申请者证件号码", personal=True)
    applicant_phone: str | None = optional(Text(40), "申请者电话", personal=True)
    legal_representative: str | None = optional(CODE_TEXT, "法定代表人")
    agent_name: str | None = optional(CODE_TEXT, "代理人姓名")
    agent_id_type: str | None = optional(Code(ID_TYPE), "代理人证件类型")
    agent_id_no: str | None = optional(Text(50), "代理人证件号码", personal=True)
    agent_phone: str | None = optional(Text(40), "代理人电话", personal=True)
    handling_class: str | None = optional(Code(HANDLING_CLASS), "办件类型")
    promised_limit: int | None = wanted(LIMIT, "承诺期限")
    limit_unit: str | None = wanted(Code(LIMIT_UNIT), "承诺期限单位")
    statutory_limit: int | None = optional(LIMIT, "法定期限")
    statutory_limit_unit: str | None = optional(Code(LIMIT_UNIT), "法定期限单位")
    area: str | None = optional(Text(12), "行政区划")


@dataclass(frozen=True, slots=True, kw_only=True)
class Special:
    """A special procedure (特别程序): EXTENSION adds to the limit, every other kind stops the clock."""

    kind: str = must(Code(SPECIAL_KIND), "特别程序种类")
    started_at: datetime = must(Instant(), "开始时间")
    ended_at: datetime | None = optional(Instant(), "结束时间")
    basis: str | None = wanted(LONG_TEXT, "依据和理由")
    approver: str | None = wanted(CODE_TEXT, "批准人")
    requested_limit: int | None = optional(LIMIT, "申请时限")
    limit_unit: str | None = optional(Code(LIMIT_UNIT), "申请时限单位")
    notified_in_writing: bool | None = optional(Flag(), "是否书面告知")
    result: str | None = optional(Text(2000), "结果")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentNote:
    """What is known of an attachment; its content travels in pushAttachment."""

    attachment_id: str = must(CODE_TEXT, "附件标识")
    name: str | None = optional(Text(500), "附件名称")
    kind: str | None = optional(CODE_TEXT, "附件类型")
    media_type: str | None = optional(CODE_TEXT, "媒体类型")
    size: int | None = optional(Whole(0, 2**40), "字节数")
    digest: str | None = optional(Text(128), "摘要值")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRecord:
    """One step of one case (办理过程), store 2. Key: sender, recordId and revision."""

    record_id: str = must(CODE_TEXT, "记录标识")
    case_no: str = must(CODE_TEXT, "办件编号")
    item_code: str = must(CODE_TEXT, "事项编码")
    org_code: str = must(ORG_CODE, "办理部门编码")
    org_name: str | None = optional(NAME, "办理部门名称")
    office: str | None = wanted(Text(400), "业务科室")
    step_seq: int = must(Whole(1, 99_999), "环节序号")
    step_code: str | None = optional(CODE_TEXT, "环节编码")
    step_name: str = must(NAME, "环节名称")
    post: str | None = optional(NAME, "岗位")
    officer_id: str | None = wanted(Text(50), "办理人员工号")
    officer_name: str | None = wanted(CODE_TEXT, "办理人员姓名")
    step_status: str = must(Code(STEP_STATUS), "环节状态")
    started_at: datetime | None = optional(Instant(), "环节开始时间")
    handled_at: datetime | None = optional(Instant(), "处理时间")
    opinion: str | None = wanted(LONG_TEXT, "处理意见")
    application: Application | None = optional(Group(Application), "申请信息")
    risk: Risk | None = optional(Group(Risk), "风险点")
    special: Special | None = optional(Group(Special), "特别程序")
    attachment: tuple[AttachmentNote, ...] = many(Group(AttachmentNote), "办理附件")
    revision: int = optional(REVISION, "更改版本号", default=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRecord:
    """How a case ended (办理结果), store 3. Key: sender, recordId and revision."""

    record_id: str = must(CODE_TEXT, "记录标识")
    case_no: str = must(CODE_TEXT, "办件编号")
    item_code: str = must(CODE_TEXT, "事项编码")
    org_code: str = must(ORG_CODE, "办理部门编码")
    result_status: str = must(Code(RESULT_STATUS), "办结状态")
    opinion: str | None = wanted(LONG_TEXT, "办结意见")
    finished_at: datetime = must(Instant(), "办结时间")
    receivable: Decimal | None = optional(Money(), "应收金额")
    paid: Decimal | None = optional(Money(), "实收金额")
    relief_reason: str | None = optional(Text(400), "减免原因")
    certificate_name: str | None = optional(NAME, "证照名称")
    certificate_no: str | None = optional(NAME, "证照编号")
    certificate_valid_until: str | None = optional(Text(30), "证照有效期")
    delivered_at: datetime | None = optional(Instant(), "送达时间")
    delivery_method: str | None = optional(CODE_TEXT, "送达方式")
    satisfaction: int | None = optional(Whole(1, 5), "满意度")
    attachment: tuple[AttachmentNote, ...] = many(Group(AttachmentNote), "办理附件")
    revision: int = optional(REVISION, "更改版本号", default=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of a case with its content (附件). Key: sender and id."""

    id: str = must(CODE_TEXT, "附件标识")
    name: str = must(Text(500), "附件名称")
    media_type: str | None = optional(CODE_TEXT, "媒体类型")
    case_no: str = must(CODE_TEXT, "办件编号")
    item_code: str = must(CODE_TEXT, "事项编码")
    kind: str | None = optional(CODE_TEXT, "附件类型")
    content: bytes = must(Binary(), "附件内容")


Record = ServiceItem | ProcessRecord | ResultRecord


@dataclass(frozen=True, slots=True)
class RecordKind:
    """One of the kinds a department pushes: its operation, its element, its class."""

    name: str
    title: str
    operation: str
    element: str
    record: type[ServiceItem] | type[ProcessRecord] | type[ResultRecord] | type[Attachment]
    key_field: str
    max_per_message: int


ITEM = RecordKind("ITEM", "政务服务事项", "pushItems", "item", ServiceItem, "itemCode", 200)
PROCESS = RecordKind("PROCESS", "办理过程", "pushProcess", "record", ProcessRecord, "recordId", 1000)
RESULT = RecordKind("RESULT", "办理结果", "pushResults", "record", ResultRecord, "recordId", 1000)

ATTACHMENT = RecordKind("ATTACHMENT", "附件", "pushAttachment", "attachment", Attachment, "id", 1)

RECORD_KINDS: Mapping[str, RecordKind] = MappingProxyType({kind.name: kind for kind in (ITEM, PROCESS, RESULT)})
