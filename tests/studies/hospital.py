"""A lake of the synthetic hospital, the same subjects in the same splits every time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from biolake.core.catalogue import discover
from biolake.ingest.pipeline import ingest
from biolake.lake.lake import Lake, init
from biolake.testing.hospital import simulate

EXAMPLES = Path(__file__).parents[2] / "examples"
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
ANALYSES = discover("biolake.analyses")


def fixed(root: Path, subject_ids: str = "keyed") -> Lake:
    """Make a lake whose secret, and so ids and splits, is known."""
    (root / "linkage").mkdir(parents=True)
    (root / "linkage" / "secret").write_text("5a" * 32)
    return init(str(root), subject_ids=subject_ids)  # type: ignore[arg-type]


def hospital_lake(folder: Path, subjects: int, sites: int) -> Lake:
    simulate(folder / "hospital", subjects=subjects, sites=sites, formats=("mimic",), seed=7)
    lake = fixed(folder / "lake")
    readers = discover("biolake.readers")
    for site in sorted((folder / "hospital").glob("site-*")):
        ingest(lake, str(next(site.iterdir())), readers, site=site.name)
    return lake


def truth(lake: Lake) -> dict[str, Any]:
    """Return what was planted in the hospital a lake was filled from."""
    text = (Path(lake.root).parent / "hospital" / "truth.json").read_text()
    found: dict[str, Any] = json.loads(text)["truths"]
    return found


def edited(folder: Path, *changes: tuple[str, str], example: str = "mortality") -> Path:
    """Copy an example and replace words of its study file; return that file."""
    shutil.copytree(EXAMPLES / example, folder, dirs_exist_ok=True)
    path = folder / "study.yaml"
    text = path.read_text()
    for old, new in changes:
        if old not in text:
            pytest.fail(f"the example has no '{old}'")
        text = text.replace(old, new)
    path.write_text(text)
    return path
