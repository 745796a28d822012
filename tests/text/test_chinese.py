"""Chinese notes: names stand in a line without spaces, and must not be found where words meet."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest

from biolake.core.media import Note
from biolake.extractors.note_diagnoses import note_diagnoses
from biolake.extractors.note_measurements import note_measurements
from biolake.extractors.note_medications import note_medications
from biolake.text.context import contexts
from biolake.text.dictionary import diagnoses
from biolake.text.dictionary_terms import data_rows, listed_terms
from biolake.text.measurements import measurements
from biolake.text.medications import medications
from biolake.text.medications_names import shipped_names
from biolake.text.run import TextRun


def diseases(text: str) -> list[tuple[str, str]]:
    found = diagnoses(TextRun.of([text]))
    places = zip(found.start.tolist(), found.end.tolist(), found.code, strict=True)
    return [(text[a:b], code.removeprefix("ICD10CM//")) for a, b, code in places]


def drugs(text: str) -> list[tuple[str, str, dict[str, Any]]]:
    found = medications(TextRun.of([text]))
    places = zip(found.start, found.end, found.ingredient, found.attributes, strict=True)
    return [(text[a:b], name, said) for a, b, name, said in places]


def values(text: str) -> list[tuple[str, float | None, str | None]]:
    found = measurements(TextRun.of([text]))
    return list(zip(found.name, found.value, found.unit, strict=True))


def test_every_code_of_the_lists_is_one_of_icd_10_cm_that_says_all() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import simple_icd_10_cm as icd
    terms = listed_terms("zh")
    assert len(terms) > 1500
    assert len(dict(terms)) == len(terms)
    assert [row for row in terms if not icd.is_valid_item(row[1])] == []
    # A note does not say whether an injury is seen for the first time.
    assert [row for row in terms if not icd.is_leaf(row[1]) and row[1][0] not in "ST"] == []
    assert [row for row in listed_terms("es") if not icd.is_valid_item(row[1])] == []


def test_no_name_is_one_character_and_each_is_found_alone() -> None:
    for phrase, code in listed_terms("zh"):
        assert len(phrase) > 1, phrase
        assert diseases(f"诊断：{phrase}。") == [(phrase, code)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("患者因高血压3级、2型糖尿病入院", [("高血压3级", "I10"), ("2型糖尿病", "E11.9")]),
        ("急性非ST段抬高型心肌梗死", [("急性非ST段抬高型心肌梗死", "I21.4")]),
        ("急性ST段抬高型心肌梗死", [("急性ST段抬高型心肌梗死", "I21.3")]),
        ("慢阻肺急性加重，COPD", [("慢阻肺急性加重", "J44.1"), ("COPD", "J44.9")]),
        ("既往高血壓、慢性腎臟病", [("高血壓", "I10"), ("慢性腎臟病", "N18.9")]),
        ("因头晕门诊就诊，因腹痛检查", [("头晕", "R42"), ("腹痛", "R10.9")]),
    ],
)
def test_a_disease_is_found_by_its_longest_name(text: str, found: list[tuple[str, str]]) -> None:
    assert diseases(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "疼痛风险评估：中风险；其中风湿因子正常",
        "最高血压控制可，降低血糖，升高血压，最低血压",
        "血尿酸、血尿素氮、血尿淀粉酶正常",
        "肝脾大小正常，近视力1.0，上腹水平，胸水平",
        "抗结核、抗癌药物、抗休克治疗，甘露醇脱水治疗",
        "肺炎链球菌、肺炎支原体、流感病毒、结核分枝杆菌、梅毒螺旋体",
        "乙肝疫苗、流感疫苗接种，乙肝五项，结核抗体",
        "昏迷评分、焦虑自评量表、压疮风险评估、休克指数",
        "流感样、癫痫样放电、贫血貌、发热门诊、胸痛中心",
        "其他人无不适，患者无异常",
    ],
)
def test_a_disease_is_not_found_in_longer_words_or_where_two_words_meet(text: str) -> None:
    assert diseases(f"查体：{text}。") == []


@pytest.mark.parametrize(
    ("text", "ingredient", "said"),
    [
        ("二甲双胍0.5g tid", "metformin", {"dose": 0.5, "unit": "g", "frequency": 3.0}),
        (
            "阿司匹林肠溶片100mg 口服 每日一次",
            "acetylsalicylic acid",
            {"dose": 100.0, "unit": "mg", "route": "oral", "form": "tablet", "frequency": 1.0},
        ),
        (
            "头孢曲松2.0g静滴每日2次",
            "ceftriaxone",
            {"dose": 2.0, "unit": "g", "route": "intravenous", "frequency": 2.0},
        ),
        ("呋塞米20毫克静脉注射", "furosemide",
         {"dose": 20.0, "unit": "mg", "route": "intravenous"}),
        ("甘精胰岛素16单位 qn 皮下注射", "insulin glargine",
         {"dose": 16.0, "unit": "[IU]", "route": "subcutaneous", "frequency": 1.0}),
        (
            "沙丁胺醇气雾剂 2喷 必要时吸入",
            "albuterol",
            {"dose": 2.0, "unit": "{puff}", "route": "inhaled", "form": "inhaler", "prn": True},
        ),
        ("美羅培南 1g 每8小时", "meropenem", {"dose": 1.0, "unit": "g", "frequency": 3.0}),
        ("甲氨蝶呤10mg每周1次", "methotrexate",
         {"dose": 10.0, "unit": "mg", "frequency": 0.1429}),
        ("泼尼松5mg 隔日", "prednisone", {"dose": 5.0, "unit": "mg", "frequency": 0.5}),
        (
            "左氧氟沙星0.5g qd 连用7天",
            "levofloxacin",
            {"dose": 0.5, "unit": "g", "frequency": 1.0, "duration": {"value": 7, "unit": "d"}},
        ),
        ("氨氯地平由5mg加至10mg", "amlodipine", {"dose": 10.0, "unit": "mg"}),
    ],
)  # fmt: skip
def test_the_use_of_a_medication_is_read(text: str, ingredient: str, said: dict[str, Any]) -> None:
    found = drugs(f"患者{text}。已好转。")
    assert [row[1:] for row in found] == [(ingredient, said)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("对青霉素过敏", [("penicillin", "allergy")]),
        ("无青霉素、头孢曲松过敏史", [("penicillin", "allergy"), ("ceftriaxone", "allergy")]),
        ("过敏药物：阿莫西林", [("amoxicillin", "allergy")]),
        ("停用氯吡格雷、华法林，改用利伐沙班",
         [("clopidogrel", "discontinued"), ("warfarin", "discontinued"), ("rivaroxaban", None)]),
        ("美托洛尔已停用", [("metoprolol", "discontinued")]),
        ("氯雷他定抗过敏治疗", [("loratadine", None)]),
        ("不停阿司匹林", [("acetylsalicylic acid", None)]),
    ],
)  # fmt: skip
def test_what_is_stopped_or_not_tolerated_is_told_so(
    text: str, told: list[tuple[str, str | None]]
) -> None:
    assert [(name, said.get("status")) for _, name, said in drugs(text)] == told


@pytest.mark.parametrize(
    "text",
    ["胰岛素抵抗", "维生素D缺乏", "肾上腺素能受体", "地高辛血药浓度", "青霉素皮试阴性", "青霉素(-)",
     "可定期复查", "不良反应停止", "可威胁生命", "三磷酸腺苷", "类克罗恩表现", "血清叶酸",
     "干扰素释放试验"],
)  # fmt: skip
def test_a_name_that_is_no_treatment_or_in_another_word_is_left_alone(text: str) -> None:
    assert drugs(f"患者{text}。") == []


def test_a_name_that_ends_another_names_the_longer_one() -> None:
    longer = {
        "去甲肾上腺素": "noradrenaline", "异丙肾上腺素": "isoprenaline", "柔红霉素": "daunorubicin",
        "罗红霉素": "roxithromycin", "表阿霉素": "epirubicin", "氨苄青霉素": "ampicillin",
        "聚乙二醇干扰素": "interferon", "地屈孕酮 10mg": "dydrogesterone",
        "羟氯喹": "hydroxychloroquine",
        "左西替利嗪": "levocetirizine", "强的松龙": "prednisolone",
        "沙库巴曲缬沙坦": "sacubitril valsartan",
        "低分子肝素": "low molecular weight heparin", "伐昔洛韦": "valacyclovir",
    }  # fmt: skip
    assert {text: [row[1] for row in drugs(f"口服{text}")] for text in longer} == {
        text: [name] for text, name in longer.items()
    }


def test_every_chinese_name_is_of_an_ingredient_of_the_list_and_of_one_alone() -> None:
    rows = data_rows("medications_zh.csv")
    names = [(name, row["ingredient"]) for row in rows for name in row["names"].split(";")]
    assert {name for _, name in names} <= set(shipped_names().ingredients)
    assert len(dict(names)) == len(names) > 900
    assert [name for name, _ in names if len(re.findall(r"[^\W\d_]", name)) < 2] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("血压 142/88毫米汞柱", [("systolic_blood_pressure", 142.0, "mm[Hg]"),
                               ("diastolic_blood_pressure", 88.0, "mm[Hg]")]),
        ("T36.5℃，P80次/分，R20次/分", [("temperature", 36.5, "Cel"), ("heart_rate", 80.0, "/min"),
                                      ("respiratory_rate", 20.0, "/min")]),
        ("BP140/90mmHg", [("systolic_blood_pressure", 140.0, "mm[Hg]"),
                          ("diastolic_blood_pressure", 90.0, "mm[Hg]")]),
        ("心率约78次/分，血氧饱和度：96%",
         [("heart_rate", 78.0, "/min"), ("oxygen_saturation", 96.0, "%")]),
        ("体重70公斤，身高172厘米", [("weight", 70.0, "kg"), ("height", 172.0, "cm")]),
        ("左室射血分数为45%", [("ejection_fraction", 45.0, "%")]),
        ("血红蛋白120g/L左右", [("hemoglobin", 120.0, "g/L")]),
        ("白细胞（WBC）12.5×10^9/L", [("white_cells", 12.5, "10*3/uL")]),
        ("白细胞6.5×10⁹/L", [("white_cells", 6.5, "10*3/uL")]),
        ("肌酐 88μmol/L，血糖7.8mmol/L",
         [("creatinine", 88.0, "umol/L"), ("glucose", 7.8, "mmol/L")]),
        ("GCS评分15分", [("gcs", 15.0, "{score}")]),
        ("结节大小约3.2×2.1cm", [("size", 3.2, "cm")]),
        ("血糖 15", [("glucose", None, None)]),
        ("血钾3.9\uff5e4.2mmol/L", [("potassium", None, "mmol/L")]),
        ("血糖10mmol/L以上", [("glucose", None, "mmol/L")]),
    ],
)  # fmt: skip
def test_a_value_is_read_with_its_unit(text: str, found: list[tuple[str, float, str]]) -> None:
    assert values(f"查体：{text}。") == found


@pytest.mark.parametrize(
    "text",
    ["前白蛋白 20", "转铁蛋白 2.5g/L", "间接胆红素 12umol/L", "白细胞介素-6 12pg/ml", "高血压3级",
     "肌酐清除率 60ml/min", "呼吸困难2天", "胎心率 142次/分", "体重下降5kg", "血压波动",
     "尿素氮 7.2mmol/L",     "10%葡萄糖 500ml", "血压120\uff5e130/70\uff5e80mmHg"],
)  # fmt: skip
def test_what_only_looks_like_a_measurement_is_left_alone(text: str) -> None:
    assert values(f"查体：{text}。") == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("最高血压180/110mmHg", "dated"),
        ("体温最高达39.5℃", "dated"),
        ("3天前测血压160/100mmHg", "dated"),
        ("2023-05-01 血红蛋白 98g/L", "dated"),
        ("目标血压130/80mmHg", "goal"),
        ("血压控制在 130/80 mmHg以下", "goal"),
        ("尿常规：蛋白+，白细胞 500/uL", "specimen"),
    ],
)
def test_values_of_other_days_goals_and_fluids_are_told_as_such(text: str, kind: str) -> None:
    assert kind in measurements(TextRun.of([text])).attributes[0]


def test_the_value_at_admission_is_of_now_though_another_stands_before_it() -> None:
    found = measurements(TextRun.of(["患者3天前发热，体温最高39.5℃，入院查体：体温37.2℃。"]))
    assert found.value == [39.5, 37.2]
    assert ["dated" in said for said in found.attributes] == [True, False]


@pytest.mark.parametrize("text", ["餐前血糖 7.8mmol/L", "生化血糖 7.8mmol/L"])
def test_words_before_a_cue_do_not_hide_it(text: str) -> None:
    assert values(text) == [("glucose", 7.8, "mmol/L")]


def test_a_value_of_another_clause_is_no_dose() -> None:
    found = drugs("皮下注射门冬胰岛素，空腹血糖控制在7-8mmol/L；阿司匹林，每日监测血压")
    assert [(name, said) for _, name, said in found] == [
        ("insulin aspart", {}),
        ("acetylsalicylic acid", {}),
    ]
    assert drugs("metformin, glucose 120 mg/dL")[0][2] == {}


@pytest.mark.parametrize(
    ("text", "assertion", "experiencer"),
    [
        ("肺炎已排除。", "negated", "patient"),
        ("已排除肺炎。", "negated", "patient"),
        ("肺栓塞待排。", "possible", "patient"),
        ("心力衰竭可能。", "possible", "patient"),
        ("无胸闷，考虑急性胃炎。", "possible", "patient"),
        ("有糖尿病家族史。", "affirmed", "family"),
        ("无尿频。", "negated", "patient"),
        ("心电图未见异常，胸痛。", "affirmed", "patient"),
    ],
)
def test_what_is_said_after_a_disease_counts_as_what_is_said_before(
    text: str, assertion: str, experiencer: str
) -> None:
    run = TextRun.of([text])
    found = diagnoses(run)
    context = contexts(run, found.item[-1:], found.start[-1:], found.end[-1:])
    assert context.words("assertion").to_pylist() == [assertion]
    assert context.words("experiencer").to_pylist() == [experiencer]


@pytest.mark.parametrize("text", ["高血压病史10年。", "糖尿病史。", "冠心病史5年。"])
def test_a_history_is_told_though_it_shares_a_letter_with_the_disease(text: str) -> None:
    run = TextRun.of([text])
    found = diagnoses(run)
    context = contexts(run, found.item, found.start, found.end)
    assert context.words("temporality").to_pylist() == ["historical"]


NOTE = Note(
    """主诉：胸痛2小时。

既往史：高血压病史10年，糖尿病史5年，否认肝炎、结核病史。青霉素过敏史。

家族史：父亲患冠心病。

体格检查：T36.5℃，P80次/分，BP140/90mmHg。无尿频、尿急，双肺未见肺炎征象。

诊断：急性非ST段抬高型心肌梗死；不排除肺栓塞。

出院带药：
阿司匹林 100mg 口服 每日一次
停用氯吡格雷
""",
    language="zh",
)


def test_only_what_the_patient_has_takes_and_measures_now_becomes_events() -> None:
    told = [
        (row["code"], row["value"], row["text"] if one is note_diagnoses else None)
        for one in (note_diagnoses, note_medications, note_measurements)
        for row in one.call([NOTE]).findings.to_pylist()
    ]
    kinds = {code.removeprefix("NOTE_"): (value, text) for code, value, text in told}
    assert kinds == {
        "DIAGNOSIS//ICD10CM//R07.9": (None, None),
        "DIAGNOSIS//ICD10CM//I21.4": (None, None),
        "DIAGNOSIS//ICD10CM//I10": (None, "historical"),
        "DIAGNOSIS//ICD10CM//E11.9": (None, "historical"),
        "MEDICATION//acetylsalicylic acid": (100.0, None),
        "MEASUREMENT//temperature": (36.5, None),
        "MEASUREMENT//heart_rate": (80.0, None),
        "MEASUREMENT//systolic_blood_pressure": (140.0, None),
        "MEASUREMENT//diastolic_blood_pressure": (90.0, None),
    }
