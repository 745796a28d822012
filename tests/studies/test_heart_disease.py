"""A model learned in Cleveland, tried at three other hospitals: the example on real patients."""

from __future__ import annotations

import csv
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.cli.source import told
from tests.studies.hospital import EXAMPLES, fixed

SOURCE = Path(__file__).parents[2].parent / "shared" / "data" / "predict_heart_disease_4sites"
EXAMPLE = EXAMPLES / "heart-disease"
ELSEWHERE = ("hungarian", "switzerland", "va")

pytestmark = pytest.mark.skipif(not SOURCE.is_dir(), reason="no shared data")


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"heart_disease_{name}", EXAMPLE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Done:
    """The folder in which the whole example was run, and its script of comparison."""

    folder: Path
    compare: ModuleType

    def figures(self, model: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.compare.hospitals(
            [self.folder / f"{model}-{site}" for site in ELSEWHERE]
        )
        return found


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Run the commands of the page, on lakes whose secret, and so split, is known."""
    folder = tmp_path_factory.mktemp("heart-disease")
    script("prepare").prepare(SOURCE, folder / "hospitals")
    for site in ("cleveland", *ELSEWHERE):
        lake = fixed(folder / site).root
        source = folder / "hospitals" / site
        told(
            "--lake", lake, "ingest", source, "--mapping", EXAMPLE / "mapping.yaml", "--site", site
        )
    for model, study in (("seven", "study.yaml"), ("ten", "study-ten.yaml")):
        out = folder / model
        told("--lake", folder / "cleveland", "study", "run", EXAMPLE / study, "--out", out)
        frozen = out / "model" / "elastic_net"
        for site in ELSEWHERE:
            to = folder / f"{model}-{site}"
            told("--lake", folder / site, "study", "validate", frozen, "--out", to)
    return Done(folder, script("compare"))


def test_every_patient_of_every_hospital_is_judged(done: Done) -> None:
    counts = {site: (one["n"], one["events"]) for site, one in done.figures("seven").items()}
    assert counts == {
        "cleveland (held out)": (76, 35),
        "hungarian": (294, 106),
        "switzerland": (123, 115),
        "va": (200, 149),
    }


def test_discrimination_holds_in_hungary_and_is_flagged_in_switzerland_and_va(done: Done) -> None:
    found = done.figures("seven")
    # A plain logistic regression on all of Cleveland gives 0.878, 0.733 and 0.742.
    for site, reference in (("hungarian", 0.878), ("switzerland", 0.733), ("va", 0.742)):
        assert found[site]["auroc"]["estimate"] == pytest.approx(reference, abs=0.03)
    assert found["hungarian"]["auroc"]["estimate"] > 0.84
    assert found["switzerland"]["auroc"]["estimate"] < 0.80
    assert found["va"]["auroc"]["estimate"] < 0.80
    flagged = {s for s, one in found.items() if "discrimination" in done.compare.flags(one)}
    assert flagged == {"switzerland", "va"}


def test_calibration_is_flagged_in_switzerland_and_hungary(done: Done) -> None:
    found = done.figures("seven")
    assert found["switzerland"]["o_e"]["low"] > 1
    assert found["switzerland"]["calibration_intercept"]["low"] > 0
    assert found["hungarian"]["o_e"]["estimate"] < 1
    assert found["hungarian"]["calibration_intercept"]["high"] < 0
    said = {site: " ".join(done.compare.flags(one)) for site, one in found.items()}
    assert {site for site, text in said.items() if "calibration" in text} == {
        "switzerland",
        "hungarian",
    }


@pytest.mark.parametrize("site", ELSEWHERE)
def test_the_figures_follow_from_the_predictions(done: Done, site: str) -> None:
    table = pq.read_table(done.folder / f"seven-{site}" / "predictions.parquet")
    sick = table["boolean_value"].to_numpy(zero_copy_only=False)
    risk = table["predicted_boolean_probability"].to_numpy()
    apart = risk[sick][:, None] - risk[~sick][None, :]
    figures = done.figures("seven")[site]
    auroc = np.mean((apart > 0) + 0.5 * (apart == 0))
    assert figures["auroc"]["estimate"] == pytest.approx(auroc, abs=1e-9)
    assert figures["o_e"]["estimate"] == pytest.approx(sick.sum() / risk.sum(), abs=1e-9)


def test_what_is_missing_depends_on_the_hospital(done: Done) -> None:
    shares, zeros = {}, {}
    for site in ("cleveland", *ELSEWHERE):
        answer = done.folder / f"{site}.json"
        data = told("--lake", done.folder / site, "codes", "search", "UCI//", "--limit", "100")
        answer.write_text(json.dumps({"data": data}))
        codes = done.compare.events_by_code(answer)
        shares[site], zeros[site] = done.compare.missing_shares(codes), codes.get("UCI//chol//ZERO")
        assert shares[site] == pytest.approx(_missing_in_source(site))
    assert max(shares["cleveland"].values()) < 0.02
    assert min(shares[site]["ca"] for site in ELSEWHERE) > 0.95
    assert shares["switzerland"]["chol"] == 1
    assert zeros == {"cleveland": None, "hungarian": None, "switzerland": 123, "va": 49}


def _missing_in_source(site: str) -> dict[str, float]:
    """Count in the publishers' file, without any of the example's code."""
    with (SOURCE / f"processed.{site}.data").open(encoding="ascii", newline="") as file:
        rows = list(csv.reader(file))
    empty = {"chol": ("?", "", "0", "0.0"), "ca": ("?", ""), "thal": ("?", "")}
    place = {"chol": 4, "ca": 11, "thal": 12}
    return {
        name: sum(row[place[name]].strip() in words for row in rows) / len(rows)
        for name, words in empty.items()
    }


def test_filling_what_a_hospital_never_measures_breaks_calibration(done: Done) -> None:
    seven, ten = done.figures("seven"), done.figures("ten")
    assert (
        ten["cleveland (held out)"]["auroc"]["estimate"]
        > (seven["cleveland (held out)"]["auroc"]["estimate"])
    )
    for site in ELSEWHERE:
        assert ten[site]["o_e"]["low"] > 1
        assert ten[site]["o_e"]["estimate"] > seven[site]["o_e"]["estimate"] + 0.3
