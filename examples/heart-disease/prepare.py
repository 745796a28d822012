"""Turn the four `processed.<site>.data` files into one folder a site: patients and codes, as CSV.

    python prepare.py SOURCE OUT

The files have no header, no identifier and no date. Each line gets an identifier (its site and its
number) and an examination date: one made-up day for everybody, because the publishers give none.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path

SITES = ("cleveland", "hungarian", "switzerland", "va")
EXAM_DATE = "1985-01-01"  # made up
COLUMNS = (
    "age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak",
    "slope", "ca", "thal", "disease",
)  # fmt: skip
CODES = {
    "EXAM": "Examination before coronary angiography",
    "cp": "Chest pain: 1 typical angina, 2 atypical angina, 3 other pain, 4 no pain",
    "trestbps": "Blood pressure at rest",
    "trestbps//ZERO": "Blood pressure written as 0: not measured",
    "chol": "Cholesterol in serum",
    "chol//ZERO": "Cholesterol written as 0: not measured",
    "fbs": "Fasting blood sugar above 120 mg/dL: 1 yes, 0 no",
    "restecg": "ECG at rest: 0 normal, 1 ST-T abnormal, 2 left ventricular hypertrophy",
    "thalach": "Highest heart rate reached under exercise",
    "exang": "Angina under exercise: 1 yes, 0 no",
    "oldpeak": "ST depression under exercise, compared with rest",
    "slope": "Slope of the ST segment under exercise: 1 up, 2 flat, 3 down",
    "ca": "Large vessels (0 to 3) coloured by fluoroscopy",
    "thal": "Thallium scan: 3 normal, 6 fixed defect, 7 reversible defect",
    "ANGIOGRAPHY": "Coronary angiography",
    "DISEASE": "A coronary artery narrowed by more than 50 %, graded 1 to 4",
}


def prepare(source: Path, out: Path) -> dict[str, int]:
    """Write `OUT/<site>/patients.csv` for every site; return how many patients each has."""
    return {site: _write(site, source / f"processed.{site}.data", out / site) for site in SITES}


def _write(site: str, source: Path, folder: Path) -> int:
    with source.open(encoding="ascii", newline="") as lines:
        numbered = enumerate(csv.reader(lines), start=1)
        patients = [_patient(cells, f"{source}: line {number}") for number, cells in numbered]
    folder.mkdir(parents=True)
    rows = [(f"{site}-{n:03d}", EXAM_DATE, *cells) for n, cells in enumerate(patients, start=1)]
    _table(folder / "patients.csv", ("patient", "exam_date", *COLUMNS), rows)
    _table(folder / "codes.csv", ("code", "description"), CODES.items())
    return len(patients)


def _table(path: Path, header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    with path.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _patient(cells: list[str], where: str) -> list[str]:
    """Return the cells of one line; `?` and nothing both mean that it was not measured."""
    if len(cells) != len(COLUMNS):
        sys.exit(f"{where} has {len(cells)} cells, not {len(COLUMNS)}")
    return ["" if cell.strip() == "?" else cell.strip() for cell in cells]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("Use: python prepare.py SOURCE OUT")
    for name, count in prepare(Path(sys.argv[1]), Path(sys.argv[2])).items():
        sys.stdout.write(f"{name}: {count} patients\n")
