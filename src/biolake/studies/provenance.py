"""Where a result comes from: software, lake, commit, definition, seed. No host, path or clock."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from biolake import __version__
from biolake.lake.door import View
from biolake.retrieval.vocabulary import Vocabulary
from biolake.studies.definition import Study

PACKAGES = ("numpy", "duckdb", "pyarrow", "deltalake", "lightgbm")


def provenance(view: View, study: Study, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return what a reader needs to make the same result again.

    `encoders` names what made the vectors of the study's embeddings, with its version, if any.
    """
    encoders = {"encoders": vocabulary.encoders} if vocabulary.encoders else {}
    sites = [site for (site,) in view.rows("SELECT DISTINCT site_id FROM sites ORDER BY site_id")]
    return {
        "software": f"biolake {__version__}",
        "lake_id": view.lake.lake_id,
        "commit": view.commit.number,
        "commit_time": view.commit.time,
        "sites": list(study.sites) or sites,
        "definition_hash": study.hash,
        "features_hash": study.features.hash,
        **encoders,
        "seed": study.split.seed,
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
