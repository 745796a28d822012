"""Listing what can be extracted must stay quick: no numerics are loaded for it."""

from __future__ import annotations

import subprocess
import sys

MODULES = ("ct_lungs", "ct_intensity", "radiomics", "xray_quality", "slide_tissue")


def test_importing_the_extractors_loads_no_heavy_library() -> None:
    lines = [f"import biolake.extractors.{module}" for module in MODULES]
    lines.append("import sys")
    lines.append("print([m for m in ('numba', 'scipy', 'PIL', 'torch') if m in sys.modules])")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
