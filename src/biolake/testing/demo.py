"""The main job, shown: raw hospital files in, a verified lake and a reported study out."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from biolake.lake.door import open_view
from biolake.lake.lake import open_lake
from biolake.testing.hospital import simulate
from biolake.testing.hospital.omics_files import variants
from biolake.testing.hospital.omics_people import CAUSAL

SUBJECTS = 2000
SITES = 4
ASSETS = 0.05  # share of the subjects with ECGs, radiographs, CTs and slides
NOTES = OMICS = 0.1  # with discharge summaries; with genotypes, expression and cells
# Records first: they bring the subjects to whom all else belongs.
ORDER = ("omics", "expression", "notes", "assets")
QUESTION = "denies chest pain"
EXAMPLES = Path(__file__).parents[3] / "examples"
# Which example study suits a lake, by the layout of what was loaded into it.
STUDIES = {"hl7-v2": "four-hospitals", "mimic-iv": "mimic-demo-mortality"}


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration on a source, or on a synthetic hospital made for it."""
    parser = argparse.ArgumentParser(prog="./demo", description=__doc__)
    parser.add_argument("source", nargs="?", help="a hospital's files; else a synthetic hospital")
    parser.add_argument("--out", help="folder for the lake (default: a temporary one, kept)")
    given = parser.parse_args(arguments)
    out = Path(given.out) if given.out else Path(tempfile.mkdtemp(prefix="biolake-demo-"))
    lake = out / "lake"
    if lake.exists():
        parser.error(f"{lake} exists: name another --out, or remove it")
    out.mkdir(parents=True, exist_ok=True)
    sources = [Path(given.source)] if given.source else _hospital(out / "hospital")
    code = _run(lake, "init")
    for source in sources:
        site = source.parent.name if source.parent.parent == out / "hospital" else "main"
        code = code or _run(lake, "ingest", str(source), "--site", site)
    for step in (["quality"], ["verify"], ["status"]):
        code = code or _run(lake, *step)
    code = code or _assets(lake, out)
    code = code or _study(lake, out / "study")
    if code == 0:
        _console().print(f"\n[bold]The lake is in {lake}[/bold]  Try: biolake --lake {lake} --help")
    return code


def _assets(lake: Path, out: Path) -> int:
    """Measure what files and notes hold, if there are any, and show some of it."""
    with open_view(open_lake(str(lake))) as view:
        if "assets" not in view.commit.tables:
            return 0
        kinds = {kind for (kind,) in view.rows("SELECT DISTINCT modality FROM assets")}
    code = _run(lake, "extract")
    if "note" in kinds:
        code = code or _run(lake, "spans", "--label", "diagnosis", "--limit", "5")
        code = code or _run(lake, "index", "build")
        code = code or _run(lake, "search", QUESTION, "--kind", "notes", "--limit", "3")
    if "genotype" in kinds:
        code = code or _run(lake, "variants", "carriers", variants().name[CAUSAL])
    found = "SELECT asset_id FROM assets WHERE modality = 'ecg' ORDER BY subject_id, time LIMIT 1"
    with open_view(open_lake(str(lake))) as view:
        names = [name[:12] for (name,) in view.rows(found)]
    for name in names:
        code = code or _run(lake, "assets", "show", name, "--png", str(out / "ecg.png"))
    return code


def _study(lake: Path, out: Path) -> int:
    """Run the example study that suits the lake, if one does."""
    with open_view(open_lake(str(lake))) as view:
        layouts = {layout for (layout,) in view.rows("SELECT DISTINCT layout FROM loads")}
    name = next((study for layout, study in STUDIES.items() if layout in layouts), "")
    study = EXAMPLES / name / "study.yaml"
    if not study.is_file():
        _console().print(
            "\nNo example study suits these files: see examples/ for how to write one."
        )
        return 0
    code = _run(lake, "study", "check", str(study)) or _run(
        lake, "study", "run", str(study), "--out", str(out)
    )
    if code == 0:
        _console().print(f"\n[bold]Open the report: {out / 'report.html'}[/bold]")
    return code


def _hospital(folder: Path) -> list[Path]:
    """Write a synthetic hospital of four sites, each in its own format; return its sources."""
    if folder.exists():
        shutil.rmtree(folder)
    options = {"--subjects": SUBJECTS, "--sites": SITES, "--assets": ASSETS}
    options |= {"--notes": NOTES, "--omics": OMICS}
    words = (str(word) for pair in options.items() for word in pair)
    _say(["simulate", str(folder), *words])
    shares = {"assets": ASSETS, "notes": NOTES, "omics": OMICS}
    made = simulate(folder, subjects=SUBJECTS, sites=SITES, **shares)
    rows = f"{made.measurements:,} measurements, {made.assets} ECGs and images"
    more = f"{made.notes} notes, {made.samples} molecular samples"
    _console().print(f"{made.subjects} subjects, {rows}, {more} written")
    found = (path for site in folder.glob("site-*") for path in site.iterdir())
    return sorted(found, key=lambda path: (path.parent.name, _place(path.name)))


def _place(name: str) -> int:
    return ORDER.index(name) + 1 if name in ORDER else 0


def _run(lake: Path, *words: str) -> int:
    """Run one Biolake command as a user would, showing it first."""
    from biolake.cli import main as biolake

    _say(["--lake", str(lake), *words])
    try:
        code = biolake(["--lake", str(lake), *words])
    except SystemExit as stop:
        code = stop.code
    return int(code or 0)


def _say(words: list[str]) -> None:
    _console().print(f"\n[bold cyan]$ biolake {' '.join(words)}[/bold cyan]", highlight=False)


def _console() -> Console:
    sys.stdout.flush()
    return Console(soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
