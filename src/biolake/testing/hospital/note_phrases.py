"""What the hospital's notes are written with: the names of diseases and drugs in three languages,
and the sentences around them. Written for this purpose; nobody's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fate = Literal["main", "past", "negated", "possible", "hypothetical", "family"]

# Our name of a diagnosis → what a note calls it. What a note says is coded as terms.DIAGNOSES says.
NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "hypertension": ("hypertension", "essential hypertension"),
        "diabetes": ("type 2 diabetes mellitus", "type 2 diabetes"),
        "ckd": ("chronic kidney disease", "CKD"),
        "heart_failure": ("heart failure",),
        "copd": ("COPD", "chronic obstructive pulmonary disease"),
        "myocardial_infarction": ("NSTEMI", "non-ST elevation myocardial infarction"),
        "sepsis": ("sepsis",),
        "acute_heart_failure": ("acute on chronic systolic heart failure",),
        "pneumonia": ("pneumonia",),
        "chest_pain": ("chest pain",),
        "abdominal_pain": ("abdominal pain",),
    },
    "es": {
        "hypertension": ("hipertensión arterial",),
        "diabetes": ("diabetes mellitus tipo 2",),
        "ckd": ("enfermedad renal crónica",),
        "heart_failure": ("insuficiencia cardíaca",),
        "copd": ("EPOC", "enfermedad pulmonar obstructiva crónica"),
        "myocardial_infarction": ("infarto agudo de miocardio sin elevación del ST",),
        "sepsis": ("sepsis",),
        "pneumonia": ("neumonía",),
        "chest_pain": ("dolor torácico",),
        "abdominal_pain": ("dolor abdominal",),
    },
    "zh": {
        "hypertension": ("高血压",),
        "diabetes": ("2型糖尿病",),
        "ckd": ("慢性肾脏病",),
        "heart_failure": ("心力衰竭",),
        "copd": ("慢性阻塞性肺疾病",),
        "myocardial_infarction": ("急性非ST段抬高型心肌梗死",),
        "sepsis": ("脓毒症",),
        "pneumonia": ("肺炎",),
        "chest_pain": ("胸痛",),
        "abdominal_pain": ("腹痛",),
    },
}

ROUTES = {
    "PO": {"en": "PO", "es": "vía oral", "zh": "口服"},
    "IV": {"en": "IV", "es": "IV", "zh": "静脉注射"},
    "IH": {"en": "inhaled", "es": "inhalado", "zh": "吸入"},
}


# The name of a medicine in a language, where a note does not write it as terms.DRUGS does.
MEDICINES: dict[str, dict[str, str]] = {
    "en": {},
    "es": {
        "metformin": "metformina",
        "furosemide": "furosemida",
        "albuterol": "salbutamol",
        "aspirin": "ácido acetilsalicílico",
        "atorvastatin": "atorvastatina",
        "ceftriaxone": "ceftriaxona",
        "norepinephrine": "noradrenalina",
    },
    "zh": {
        "metoprolol": "美托洛尔",
        "carvedilol": "卡维地洛",
        "lisinopril": "赖诺普利",
        "metformin": "二甲双胍",
        "furosemide": "呋塞米",
        "albuterol": "沙丁胺醇",
        "aspirin": "阿司匹林",
        "atorvastatin": "阿托伐他汀",
        "ceftriaxone": "头孢曲松",
        "norepinephrine": "去甲肾上腺素",
    },
}


@dataclass(frozen=True)
class Writing:
    """How one language's notes read; `{}` stands for the disease, and `{a}` and `{b}` for two."""

    title: str
    headings: dict[str, str]
    sentences: dict[Fate, tuple[str, ...]]
    pairs: tuple[str, ...]  # two diseases that are both denied
    drug: str  # {name}, {dose}, {unit}, {route}
    pressure: str  # {high}, {low}
    rate: str
    ejection: str
    end: str = "\n"


WRITINGS = {
    "en": Writing(
        "DISCHARGE SUMMARY",
        {
            "reason": "Chief complaint:",
            "history": "History of present illness:",
            "past": "Past medical history:",
            "family": "Family history:",
            "medications": "Discharge medications:",
            "exam": "Physical examination:",
            "plan": "Assessment and plan:",
        },
        {
            "main": (
                "The patient was admitted with {}.",
                "This patient presented with {} and was treated accordingly.",
            ),
            "past": ("- {}",),
            "negated": (
                "There is no evidence of {}.",
                "The patient denies {}.",
                "Work-up was negative for {}.",
                "No {} was found.",
            ),
            "possible": ("Possible {}; follow-up imaging is planned.",),
            "hypothetical": ("Return to the emergency department if you develop {}.",),
            "family": ("Father had {}.", "Mother with {}."),
        },
        ("The patient denies {a} or {b}.", "No {a}, no {b}."),
        "- {name} {dose} {unit} {route} daily",
        "BP {high}/{low} mmHg",
        "heart rate {} bpm",
        "LVEF {} %",
    ),
    "es": Writing(
        "INFORME DE ALTA",
        {
            "reason": "Motivo de ingreso:",
            "history": "Enfermedad actual:",
            "past": "Antecedentes personales:",
            "family": "Antecedentes familiares:",
            "medications": "Tratamiento al alta:",
            "exam": "Exploración física:",
            "plan": "Juicio clínico y plan:",
        },
        {
            "main": ("El paciente ingresa por {}.", "Paciente que presenta {} desde ayer."),
            "past": ("- {}",),
            "negated": ("No se observa {}.", "El paciente niega {}.", "Sin evidencia de {}."),
            "possible": ("Posible {}; se programa control.",),
            "hypothetical": ("Acudir a urgencias si presenta {}.",),
            "family": ("Padre con {}.", "Madre con {}."),
        },
        ("El paciente niega {a} o {b}.", "Sin {a} ni {b}."),
        "- {name} {dose} {unit} {route} al día",
        "TA {high}/{low} mmHg",
        "frecuencia cardíaca {} lpm",
        "FEVI {} %",
    ),
    "zh": Writing(
        "出院小结",
        {
            "reason": "主诉：",
            "history": "现病史：",
            "past": "既往史：",
            "family": "家族史：",
            "medications": "出院带药：",
            "exam": "体格检查：",
            "plan": "诊断与计划：",
        },
        {
            "main": ("患者因{}入院。", "患者出现{}，予以治疗。"),
            "past": ("{}。",),
            "negated": ("未见{}。", "患者否认{}。", "无{}。"),
            "possible": ("不排除{}。",),
            "hypothetical": ("如出现{}，请及时就诊。",),
            "family": ("父亲患有{}。", "母亲患有{}。"),
        },
        ("患者否认{a}、{b}。",),
        "{name} {dose} {unit} {route} 每日一次",
        "血压 {high}/{low} mmHg",
        "心率 {} 次/分",
        "左室射血分数 {} %",
    ),
}

# Every so many notes of a site is in the site's second language.
LANGUAGES = (("en",), ("en", "es"), ("en", "zh"), ("en",))
SECOND_EVERY = 4
