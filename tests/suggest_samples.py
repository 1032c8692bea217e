"""Messages of invented departments whose formats stand in no shipped document: nobody tuned the vocabulary to them."""

import json

from adapters.suggest.sample_files import SampleFile

_STEPS = (
    ("1", "受理", "SL01", "受理", "2026-03-02 10:00:00", "材料齐全，予以受理"),
    ("2", "审核", "SL02", "办理中", "2026-03-03 09:30:00", "拟同意"),
    ("3", "审批", "SL03", "通过", "2026-03-04 15:20:00", "同意"),
)

WATER_PERMIT = (
    "BJBH,SXBM,BMBM,BMMC,KSMC,SQRMC,SQRLX,SQRZJLX,SQRZJHM,LXRXM,LXDH,BJMC,SQSJ,CNQX,CNQXDW,HJXH,HJMC,BLRGH,BLRXM,HJZT,"
    "CLSJ,CLYJ,BZ\n"
)
WATER_PERMIT_ANSWERS = {
    "caseNo": "BJBH", "itemCode": "SXBM", "orgCode": "BMBM", "orgName": "BMMC", "office": "KSMC", "stepSeq": "HJXH",
    "stepName": "HJMC", "officerId": "BLRGH", "officerName": "BLRXM", "stepStatus": "HJZT", "handledAt": "CLSJ",
    "opinion": "CLYJ", "application.title": "BJMC", "application.appliedAt": "SQSJ",
    "application.applicantName": "SQRMC", "application.applicantType": "SQRLX",
    "application.applicantIdType": "SQRZJLX", "application.applicantIdNo": "SQRZJHM",
    "application.agentName": "LXRXM", "application.applicantPhone": "LXDH", "application.promisedLimit": "CNQX",
    "application.limitUnit": "CNQXDW",
}  # fmt: skip


def water_permit_rows() -> list[SampleFile]:
    """Ten files in GBK: application and step in one row, columns named by pinyin initials."""
    return [SampleFile(f"qsxk-{number}.csv", _water_permit(number).encode("gbk"), "QSXK") for number in range(10)]


def _water_permit(number: int) -> str:
    seq, name, clerk, status, moment, opinion = _STEPS[number % 3]
    return WATER_PERMIT + ",".join((
        f"SL2026{number // 3:04}", "33032400SL-XK-0007", "33032400SL", "样例县水利局", "水资源科", "申请人甲", "自然人",
        "居民身份证", "330324199001010003", "代理人乙", "13800000000", "样例村取水许可", "2026-03-01 16:00:00", "20",
        "工作日", seq, name, clerk, "经办人丙", status, moment, opinion, "",
    )) + "\n"  # fmt: skip


HOUSING = """<?xml version="1.0" encoding="GBK"?>
<shuju><banjian>
 <banjianbianhao>ZJ-2026-{n:05}</banjianbianhao><shixiangbianma>33032400ZJ-XK-0003</shixiangbianma>
 <shenqingrenmingcheng>样例建设有限公司</shenqingrenmingcheng>
 <shenqingrenzhengjianhaoma>91330324000200037A</shenqingrenzhengjianhaoma>
 <fadingdaibiaoren>申请人甲</fadingdaibiaoren><xiangmumingcheng>样例小区施工许可</xiangmumingcheng>
 <shenqingshijian>2026年3月2日 上午9时5分</shenqingshijian><chengnuoqixian>7</chengnuoqixian>
</banjian><jieguo>
 <banjianbianhao>ZJ-2026-{n:05}</banjianbianhao><shixiangbianma>33032400ZJ-XK-0003</shixiangbianma>
 <banjiezhuangtai>准予许可</banjiezhuangtai><banjieshijian>20260306163000</banjieshijian>
 <banjieyijian>符合条件</banjieyijian><zhengzhaobianhao>样例〔2026〕{n}号</zhengzhaobianhao>
</jieguo></shuju>"""
HOUSING_APPLICATION_ANSWERS = {
    "caseNo": "banjianbianhao", "itemCode": "shixiangbianma",
    "application.applicantName": "shenqingrenmingcheng", "application.applicantIdNo": "shenqingrenzhengjianhaoma",
    "application.legalRepresentative": "fadingdaibiaoren", "application.title": "xiangmumingcheng",
    "application.appliedAt": "shenqingshijian", "application.promisedLimit": "chengnuoqixian",
}  # fmt: skip
HOUSING_RESULT_ANSWERS = {
    "caseNo": "banjianbianhao", "itemCode": "shixiangbianma", "resultStatus": "banjiezhuangtai",
    "finishedAt": "banjieshijian", "opinion": "banjieyijian", "certificateNo": "zhengzhaobianhao",
}  # fmt: skip


def housing_messages() -> list[SampleFile]:
    """Five messages in GBK: an application and its result side by side, elements named in full pinyin."""
    return [SampleFile(f"zj-{n}.xml", HOUSING.format(n=n).encode("gbk")) for n in range(1, 6)]


FORESTRY_ANSWERS = {
    "caseNo": "caseNumber", "itemCode": "matterCode", "stepName": "nodeName", "stepStatus": "nodeState",
    "officerName": "handlerName", "officerId": "handlerId", "handledAt": "handleTime", "opinion": "handleOpinion",
    "stepSeq": "nodeOrder", "office": "deptName",
}  # fmt: skip


def forestry_messages() -> list[SampleFile]:
    """Three messages as JSON, steps in a list, names in English."""
    step = {
        "caseNumber": "LY20260001", "matterCode": "33032400LY-XK-0001", "nodeName": "审核", "nodeState": "通过",
        "handlerName": "经办人丙", "handlerId": "LY07", "handleTime": "2026/03/03 09:30", "handleOpinion": "同意",
        "nodeOrder": 2, "deptName": "林政科",
    }  # fmt: skip
    bodies = [{"records": [step, step | {"caseNumber": f"LY2026{n:04}", "nodeOrder": 3}]} for n in range(2, 5)]
    return [SampleFile(f"ly-{n}.json", json.dumps(body, ensure_ascii=False).encode()) for n, body in enumerate(bodies)]
