"""What was known of each subject at each prediction time, as a table for learning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biolake.cli.grammar import Section, Session, pass_session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.retrieval.matrix import FeatureSet

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(
    "features",
    cls=Section,
    examples=["biolake features build labels.parquet features.yaml --out features"],
)
def features() -> None:
    """Tabulate what was known at each prediction time, never later."""


@features.command(
    "build",
    reads=True,
    examples=[
        "biolake features build labels.parquet features.yaml --out features",
        "biolake features build other.parquet features.yaml --vocabulary features --out other",
    ],
)
@click.argument("labels", type=FILE)
@click.argument("definition", type=FILE)
@click.option("--out", type=FOLDER, required=True, help="A new folder for the features.")
@click.option(
    "--vocabulary",
    type=click.Path(exists=True, path_type=Path),
    help="Features built before, whose columns are to be used.",
)
@click.option("--splits", type=FILE, help="Subject splits (MEDS): columns are learned on train.")
@pass_session
def build(
    session: Session,
    labels: Path,
    definition: Path,
    out: Path,
    vocabulary: Path | None,
    splits: Path | None,
) -> None:
    """Build the features of each label that a cohort gave.

    LABELS is the Parquet file of 'cohort build --out', DEFINITION says which features (YAML).
    """
    from biolake.cohorts.labels import read_labels
    from biolake.cohorts.splits import read_splits
    from biolake.retrieval.features import build_features
    from biolake.retrieval.loading import load_definition
    from biolake.retrieval.vocabulary import Vocabulary

    train = None
    if splits is not None:
        given = read_splits(splits).to_pylist()
        train = [row["subject_id"] for row in given if row["split"] == "train"]
    known = None
    if vocabulary is not None:
        known = Vocabulary.load(
            vocabulary / "vocabulary.json" if vocabulary.is_dir() else vocabulary
        )
    with session.view("features build") as view:
        made = build_features(
            view,
            read_labels(labels),
            load_definition(definition),
            out=out,
            vocabulary=known,
            train_subjects=train,
        )
        session.show(_data(made, out, view.commit.number), _page)


def _data(made: FeatureSet, out: Path, commit: int) -> dict[str, Any]:
    return {
        "out": str(out),
        "commit": commit,
        "samples": made.samples.num_rows,
        "columns": len(made.columns),
        "provenance": made.provenance,
    }


def _page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import counted

    yield (
        f"Built {counted(data['columns'], 'feature')} of {counted(data['samples'], 'sample')} at"
        f" commit {data['commit']}: {data['out']}"
    )
