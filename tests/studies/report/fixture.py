"""Make results as a run would: a full study, and the odd ones a report must survive."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

Result = dict[str, Any]
Estimate = dict[str, float | None]


def rounded(value: float) -> float:
    return float(f"{value:.10g}")


def around(value: float, spread: float) -> Estimate:
    low, high = value - spread, value + spread * 1.07
    return {"estimate": rounded(value), "low": rounded(low), "high": rounded(high)}


def normal_cdf(value: float) -> float:
    return 0.5 * (1 + math.erf(value / math.sqrt(2)))


def binormal(area: float, points: int = 400) -> list[list[float]]:
    """Return a smooth ROC curve with this area: two normal scores of equal spread."""
    apart = math.sqrt(2) * _quantile(area)
    steps = [-4 + 8 * n / points for n in range(points + 1)]
    return [
        [rounded(1 - normal_cdf(step)), rounded(1 - normal_cdf(step - apart))]
        for step in reversed(steps)
    ]


def _quantile(share: float) -> float:
    low, high = -6.0, 6.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if normal_cdf(middle) < share else (low, middle)
    return low


def precision(roc: list[list[float]], share: float) -> list[list[float]]:
    found = []
    for false, true in roc:
        caught, wrong = true * share, false * (1 - share)
        found.append([true, rounded(caught / (caught + wrong)) if caught + wrong else 1.0])
    return found


def calibration(share: float, slope: float) -> list[dict[str, float]]:
    found = []
    for tenth in range(10):
        predicted = share * (0.15 + 0.045 * (tenth + 1) ** 1.75)
        observed = share + (predicted - share) * slope + 0.008 * math.sin(tenth * 2.3)
        half = 0.02 + 0.35 * predicted * (1 - predicted)
        ends = {"low": max(0.0, observed - half / 2), "high": min(1.0, observed + half / 1.8)}
        held = {"predicted": predicted, "observed": max(0.0, observed), **ends}
        found.append({key: rounded(value) for key, value in held.items()})
    return found


def histogram(share: float, n: int) -> list[dict[str, float | int]]:
    bars = []
    for step in range(25):
        middle = (step + 0.5) / 50
        tall = math.exp(-(((math.log(middle) - math.log(share * 0.7)) / 0.8) ** 2) / 2)
        bars.append({"low": step / 50, "high": (step + 1) / 50, "n": round(n * tall / 11)})
    return bars


def net_benefit(share: float, gain: float) -> list[dict[str, float]]:
    found = []
    for step in range(1, 51):
        at = step / 100
        everyone = share - (1 - share) * at / (1 - at)
        model = max(everyone, share * gain * math.exp(-3.2 * at)) - 0.001
        found.append(
            {"threshold": at, "model": rounded(model), "all": rounded(everyone), "none": 0.0}
        )
    return found


def subgroups(n: int, events: int, area: float) -> list[dict[str, Any]]:
    levels = (
        ("sex", "female", 0.46, 0.012),
        ("sex", "male", 0.54, -0.008),
        ("age", "18 to 49", 0.2, 0.03),
        ("age", "50 to 69", 0.43, 0.004),
        ("age", "70 and over", 0.37, -0.04),
        ("insurance", "public", 0.8, 0.0),
        ("insurance", "none", 0.02, 0.0),
        ("民族 / ethnicity", "汉族", 0.9, 0.001),
        ("民族 / ethnicity", "a group whose name is far too long for any label of a chart", 0.1, 0),
    )
    found: list[dict[str, Any]] = []
    for variable, level, part, shift in levels:
        held: dict[str, Any] = {"variable": variable, "level": level, "suppressed": part < 0.05}
        if not held["suppressed"]:
            wide = 0.02 / math.sqrt(part)
            held |= {"n": round(n * part), "events": round(events * part)}
            held["auroc"] = around(area + shift, wide)
            held["o_e"] = around(1.02 + shift * 4, wide * 3)
            held["slope"] = around(0.95 + shift * 2, wide * 6)
        found.append(held)
    found[3]["auroc"] = {"estimate": None, "low": None, "high": None}
    return found


def evaluation(n: int, events: int, area: float, detailed: bool = True) -> dict[str, Any]:
    """Make one evaluation; only measures when not detailed, as for training samples."""
    share, wide = events / n, 1.1 / math.sqrt(events)
    held: dict[str, Any] = {
        "n": n,
        "events": events,
        "auroc": around(area, wide * 0.3),
        "auprc": around(share + (area - 0.5) * 0.9, wide * 0.5),
        "brier": around(share * (1 - share) * (1.5 - area), 0.004),
        "scaled_brier": around((area - 0.5) * 0.7, 0.03),
        "o_e": around(1.06, wide),
        "calibration_intercept": around(0.055, wide),
        "calibration_slope": around(0.93, wide * 1.2),
    }
    if detailed:
        roc = binormal(area)
        held |= {
            "roc": roc,
            "pr": precision(roc, share),
            "calibration_curve": calibration(share, 0.93),
            "histogram": histogram(share, n),
            "net_benefit": net_benefit(share, area),
            "conformal": {
                "alpha": 0.1,
                "coverage": 0.907,
                "set_sizes": {"0": 3, "1": 511, "2": n - 514},
            },
            "subgroups": subgroups(n, events, area),
        }
    return held


FEATURES = (
    "age at index (years)",
    "LOINC//2524-7 lactate, last value within 24 h before index (mmol/L)",
    "LOINC//2160-0 creatinine, highest value within 7 days before index (mg/dL)",
    "heart rate, mean",
    "ICD10CM//N18 chronic kidney disease, ever",
    "血小板计数 (platelets)",
    "systolic blood pressure, lowest",
    "Körpertemperatur",
)


def model(name: str, area: float, key: str) -> dict[str, Any]:
    values = [
        {("term" if key == "coefficients" else "feature"): f"{FEATURES[n % 8]}{' ' * (n // 8)}",
         ("coefficient" if key == "coefficients" else "gain"): rounded(
             (1.3 if key == "importance" else (-1) ** n) * 0.9**n)}
        for n in range(24)
    ]  # fmt: skip
    return {
        "name": name,
        "kind": name,
        "features": 212,
        "hyperparameters": {"imputation": "training median with a flag", "l1_ratio": 0.5, "C": 0.1},
        "tuning": [{"C": 0.01, "log_loss": 0.41}, {"C": 0.1, "log_loss": 0.39}],
        key: values,
        "evaluation": {
            "train": evaluation(7210, 1043, area + 0.03, detailed=False),
            "held_out": evaluation(2405, 351, area),
            "external:Klinik Süd": evaluation(1890, 240, area - 0.05),
            "external:市立医院": evaluation(640, 61, area - 0.02),
        },
    }


def curve(group: str, rate: float, start: int) -> dict[str, Any]:
    times = [float(3 * n) for n in range(1, 365)]
    alive = [math.exp(-rate * t) + 0.004 * math.sin(t / 40) * min(1, t / 200) for t in times]
    wide = [0.01 + 0.05 * t / 1095 for t in times]
    ends = [0.0, 182.625, 365.25, 547.875, 730.5, 913.125, 1095.75]
    return {
        "name": "death by any cause",
        "group": group,
        "times": times,
        "survival": [rounded(a) for a in alive],
        "low": [rounded(a - w) for a, w in zip(alive, wide, strict=True)],
        "high": [rounded(min(1, a + w)) for a, w in zip(alive, wide, strict=True)],
        "at_risk": [[t, round(start * math.exp(-(rate + 0.0006) * t))] for t in ends],
        "median": [rounded(math.log(2) / rate), rounded(math.log(2) / rate * 0.9), None],
        "logrank_p": 0.00021,
    }


def definition() -> dict[str, Any]:
    return {
        "study": {
            "id": "aki-1",
            "title": "Acute kidney injury within 7 days of a first emergency admission",
            "question": "predict",
            "authors": ["A. Müller", "王小明", "C. O’Neill"],
            "registration": "none",
            "protocol": "In the supplement, dated before the data were opened.",
            "ethics": "Approved by the hospital’s committee; consent waived for routine data.",
            "purpose": "To find, at admission, who will need closer watch of kidney function.",
            "intended_use": "Adults in the first 6 hours of an emergency admission.",
            "intended_users": "Ward doctors and nurses.",
            "background": "Acute kidney injury in hospital is common and often found late.",
            "limitations": ["Urine output was not recorded.", "Creatinine at home is unknown."],
            "funding": "The hospital’s own funds.",
        },
        "data": {"sites": ["Klinik Nord", "Klinik Süd", "市立医院"], "commit": 12},
        "population": {
            "task": "first_admission.yaml",
            "predicates": {"admission": "ENCOUNTER//emergency", "dialysis": "ICD10CM//Z99.2"},
            "exclusions": [
                {"name": "on dialysis", "why": "the outcome cannot happen", "where": "dialysis"},
                {"name": "under 18", "why": "other reference values", "where": "age < 18"},
            ],
            "first_only": True,
        },
        "index": "6 hours after admission",
        "outcome": {
            "label": "acute kidney injury",
            "codes": ["KDIGO//1", "KDIGO//2"],
            "horizon": "7 days",
            "competing": ["death"],
        },
        "time_at_risk": {"start": "index", "end": "index + 7 days"},
        "features": list(FEATURES),
        "split": {"kind": "random", "ratios": [0.6, 0.2, 0.2], "seed": 7},
        "analyses": [
            {"table_one": {}},
            {"kaplan_meier": {}},
            {"incidence": {}},
            {"cox": {}},
            {"predict": {"models": ["elastic_net", "lightgbm"]}},
        ],
        "subgroups": ["sex", "age", "insurance"],
        "minimum_cell": 10,
        "hash": "sha256:6f1c0d9a",
    }


NO_ADMISSION = "no such admission or no creatinine in time"
NO_FOLLOW_UP = "left the region, or a later admission of the same subject"


def attrition() -> list[dict[str, Any]]:
    steps = (
        ("all subjects of the lake", 41230, 96411, ""),
        ("emergency admission with a first creatinine within 6 hours", 15402, 24610, NO_ADMISSION),
        ("18 years or older", 14960, 23877, "under 18: other reference values"),
        ("not on dialysis", 14610, 23104, "on dialysis: the outcome cannot happen"),
        ("7 days of records after index", 12020, 12020, NO_FOLLOW_UP),
    )
    found, before = [], steps[0]
    for step in steps:
        name, subjects, samples, reason = step
        lost = {"lost_subjects": before[1] - subjects, "lost_samples": before[2] - samples}
        found.append(
            {"step": name, "subjects": subjects, "samples": samples, "reason": reason, **lost}
        )
        before = step
    return found


def table_one() -> dict[str, Any]:
    lines: tuple[tuple[str, str | None, str, str, float | None, int | None], ...] = (
        ("n", None, "7 210", "4 810", None, None),
        ("Age (years)", None, "64.1 (17.2)", "63.8 (17.4)", 0.017, 0),
        ("Sex", "female", "3 317 (46.0%)", "2 227 (46.3%)", 0.006, 0),
        ("Sex", "male", "3 893 (54.0%)", "2 583 (53.7%)", None, None),
        ("Lactate (mmol/L)", None, "1.9 [1.3 to 2.8]", "2.2 [1.4 to 3.1]", 0.143, 2116),
        ("Diabetes", None, "1 802 (25.0%)", "<10", None, 0),
    )
    rows: list[dict[str, Any]] = [
        {"variable": name, "values": [left, right], "smd": smd, "missing": missing}
        | ({"level": level} if level else {})
        for name, level, left, right, smd, missing in lines
    ]
    return {"groups": ["Training", "Held-out & external"], "rows": rows}


def cox() -> dict[str, Any]:
    terms = (
        ("age, per 10 years", 1.34, 0.02, 1e-9),
        ("male sex", 1.12, 0.05, 0.031),
        ("chronic kidney disease (ICD10CM//N18)", 2.41, 0.09, 1e-12),
        ("statin", 0.91, 0.06, 0.11),
        ("site: 市立医院", 0.78, 0.21, 0.24),
        ("rare syndrome", 9.7, 1.6, 0.16),
    )
    rows: list[dict[str, Any]] = [
        {"term": term, "hr": hr, "low": rounded(hr * math.exp(-1.96 * se)),
         "high": rounded(hr * math.exp(1.96 * se)), "se": se, "p": p}
        for term, hr, se, p in terms
    ]  # fmt: skip
    rows.append({"term": "never exposed", "hr": None, "low": None, "high": None, "p": None})
    test = [{"term": "male sex", "p": 0.013}, {"term": "statin", "p": 0.62}]
    return {
        "name": "death_adjusted",
        "coefficients": rows,
        "events": 1645,
        "n": 12020,
        "ph_test": test,
        "concordance": 0.7134,
    }


def full() -> Result:
    """Return a prediction study with every part."""
    sites = (("Klinik Nord", 9490, 1344), ("Klinik Süd", 1890, 240), ("市立医院", 640, 61))
    sizes = {
        "train": {"subjects": 7210, "samples": 7210, "events": 1043},
        "tuning": {"subjects": 2405, "samples": 2405, "events": 251},
        "held_out": {"subjects": 2405, "samples": 2405, "events": 351},
    }
    return {
        "schema": "biolake-study-result/1",
        "study": definition(),
        "provenance": provenance(),
        "attrition": attrition(),
        "cohort": {
            "samples": 12020,
            "subjects": 12020,
            "events": 1645,
            "index_first": "2019-01-02T06:11:00",
            "index_last": "2024-12-28T21:40:00",
            "follow_up_median_days": 611.5,
            "by_site": [{"site": s, "samples": n, "events": e} for s, n, e in sites],
        },
        "split": {"kind": "random", "seed": 7, "sizes": sizes},
        "sample_size": {
            "events_per_variable": 4.92,
            "required": 9480,
            "verdict": "too_small",
            "criteria": [
                {"name": "shrinkage of at most 10 %", "required": 9480},
                {"name": "small optimism of R²", "required": 4121},
                {"name": "precise overall risk", "required": 190},
            ],
        },
        "table_one": table_one(),
        "survival": [
            curve("no chronic kidney disease", 0.00042, 9600),
            curve("chronic kidney disease", 0.0011, 2420),
        ],
        "incidence": incidence(),
        "cox": [cox()],
        "models": [
            model("elastic_net", 0.812, "coefficients"),
            model("lightgbm", 0.834, "importance"),
        ],
        "leakage": {"shuffle_test": "passed", "columns_checked": 212},
        "notes": ["Creatinine was harmonised to mg/dL from two units."],
        "warnings": ["Coding time: 3 of 212 features are diagnosis codes dated to admission."],
    }


def incidence() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for group, events, years in (
        ("all", 1645, 20120.4),
        ("female", 702, 9311.0),
        ("new ward", 0, 18.2),
    ):
        rate = 1000 * events / years
        half = 1.96 * rate / math.sqrt(events) if events else 0
        high = rate + half if events else 3689 / years
        held = {"rate": rounded(rate), "low": rounded(rate - half), "high": rounded(high)}
        rows.append({"group": group, "events": events, "person_years": years, **held})
    return rows


def provenance() -> dict[str, Any]:
    return {
        "software": "biolake 0.1.0",
        "lake_id": "2b0c5d1e",
        "commit": 12,
        "commit_time": "2026-02-03T10:00:00",
        "sites": ["Klinik Nord", "Klinik Süd", "市立医院"],
        "definition_hash": "sha256:6f1c0d9a",
        "features_hash": "sha256:91b7aa02",
        "seed": 7,
        "packages": {"numpy": "2.3.1", "lightgbm": "4.7.0", "duckdb": "2.0.1"},
    }


def changed(change: Callable[[Result], object]) -> Result:
    result = copy.deepcopy(full())
    change(result)
    return result


def descriptive() -> Result:
    """Return a study without any model."""

    def change(result: Result) -> None:
        for key in ("models", "sample_size", "leakage", "split"):
            del result[key]
        result["study"]["study"]["question"] = "describe"
        result["study"]["analyses"] = [{"table_one": {}}, {"kaplan_meier": {}}, {"incidence": {}}]

    return changed(change)


def short() -> Result:
    """Return a study with every part, and little in each, that is quick to draw."""

    def change(result: Result) -> None:
        result["tripod"] = [{"item": "1", "element": "1.1", "text": "?", "filled_by": "author"}]
        del result["models"][1:], result["survival"][1:]
        held = result["models"][0]["evaluation"]
        result["models"][0]["evaluation"] = {"held_out": held["held_out"]}
        for name in ("roc", "pr", "net_benefit", "histogram", "subgroups", "calibration_curve"):
            held["held_out"][name] = held["held_out"][name][:3]
        for name in ("times", "survival", "low", "high"):
            result["survival"][0][name] = result["survival"][0][name][:3]

    return changed(change)


def one_class() -> Result:
    """Return a study whose held-out samples never have the outcome."""

    def change(result: Result) -> None:
        for held in result["models"]:
            none = dict.fromkeys(("estimate", "low", "high"))
            names = ("auroc", "auprc", "o_e", "calibration_slope", "calibration_intercept")
            held["evaluation"] = {"held_out": {"n": 480, "events": 0} | dict.fromkeys(names, none)}
            held["evaluation"]["held_out"]["brier"] = {"estimate": float("nan")}

    return changed(change)


def left_one_site_out() -> Result:
    def change(result: Result) -> None:
        result["split"] = {"kind": "leave_one_site_out", "seed": 7, "sizes": {}}
        for held in result["models"]:
            held["evaluation"].pop("held_out")
            held["evaluation"]["external:Klinik Nord"] = evaluation(9490, 1344, 0.79)
            held["evaluation"]["external:tiny"] = {"n": 12, "events": 0, "auroc": None}

    return changed(change)


def hostile() -> Result:
    """Return a study whose every text tries to break out of the page."""
    attack = (
        '"><script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>\x00\u202e|`*='
    )

    def spoil(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: spoil(held) for key, held in value.items()}
        if isinstance(value, list):
            return [spoil(held) for held in value]
        return attack + value if isinstance(value, str) else value

    result = full()
    return {key: value if key == "schema" else spoil(value) for key, value in result.items()}


def emptied() -> Iterator[tuple[str, Result]]:
    """Yield a short result with one key taken away, or spoiled, at every place."""
    spoilt = ("none", None), ("nan", float("nan")), ("text", "?"), ("list", [None])
    clean = short()
    for number, path in enumerate(_paths(clean)):
        for name, value in (("gone", None), spoilt[number % len(spoilt)]):
            result = copy.deepcopy(clean)
            held: Any = result
            for key in path[:-1]:
                held = held[key]
            if name == "gone":
                del held[path[-1]]
            else:
                held[path[-1]] = value
            yield f"{'.'.join(map(str, path))} {name}", result


def _paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every key, of lists only through their first item."""
    if isinstance(value, dict):
        for key, held in value.items():
            yield (*before, key)
            yield from _paths(held, (*before, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from _paths(value[0], (*before, 0))


STUDIES: dict[str, Callable[[], Result]] = {
    "full": full,
    "descriptive": descriptive,
    "one class": one_class,
    "each site left out": left_one_site_out,
    "hostile": hostile,
    "empty": dict,
}
