"""Every public task, row by row as ES-ACES 0.7.3 answered it."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biolake.cohorts import build, load_task
from biolake.core.catalogue import discover
from biolake.ingest.pipeline import ingest
from biolake.lake import lake as lakes
from biolake.lake.door import open_view

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
GOLDEN = SHARED / "aces-golden"
TASKS = sorted(path.stem for path in (GOLDEN / "tasks").glob("*.yaml"))
SAMPLES = sorted(path.stem for path in (GOLDEN / "sample_configs").glob("*.yaml"))

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="no shared data")


def lake_of(source: Path, folder: Path) -> lakes.Lake:
    lake = lakes.init(str(folder / "lake"), subject_ids="source")
    ingest(lake, source, discover("biolake.readers"))
    return lake


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> lakes.Lake:
    folder = tmp_path_factory.mktemp("demo")
    events = pq.read_table(SHARED / "mimic-iv-demo-meds" / "mimic_iv_demo_meds_events.parquet")
    names = ["numeric_value" if name == "value" else name for name in events.column_names]
    (folder / "meds").mkdir()
    pq.write_table(
        events.rename_columns(names).drop_columns(["table"]), folder / "meds" / "0.parquet"
    )
    return lake_of(folder / "meds", folder)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> lakes.Lake:
    folder = tmp_path_factory.mktemp("sample")
    shutil.copytree(SHARED / "aces-meds-sample", folder / "meds")
    return lake_of(folder / "meds", folder)


def rows(*tables: pa.Table) -> Counter[tuple[object, ...]]:
    names = ("subject_id", "prediction_time", "boolean_value")
    found: Counter[tuple[object, ...]] = Counter()
    for table in tables:
        found.update(zip(*(table[name].to_pylist() for name in names), strict=True))
    return found


@pytest.mark.parametrize("name", TASKS)
def test_a_meds_dev_task_gives_the_rows_of_es_aces(demo: lakes.Lake, name: str) -> None:
    task = load_task(GOLDEN / "tasks" / f"{name}.yaml", GOLDEN / "mimic_iv_predicates.yaml")
    with open_view(demo) as view:
        cohort = build(view, task)
    expected = pq.read_table(GOLDEN / "expected" / "mimic-iv-demo-meds" / f"{name}.parquet")
    assert rows(cohort.labels) == rows(expected)
    assert cohort.attrition[-1].rows == len(expected)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_config_gives_the_rows_of_es_aces(sample: lakes.Lake, name: str) -> None:
    task = load_task(GOLDEN / "sample_configs" / f"{name}.yaml")
    with open_view(sample) as view:
        # The sample holds no deaths and no diagnoses, which the tasks ask for.
        cohort = build(view, task, missing="allow")
    expected = (GOLDEN / "expected" / "aces-meds-sample" / name).glob("*/*.parquet")
    assert rows(cohort.labels) == rows(*(pq.read_table(path) for path in expected))


def test_labels_have_the_columns_of_the_meds_label_schema(demo: lakes.Lake) -> None:
    from meds import LabelSchema

    task = load_task(GOLDEN / "tasks" / f"{TASKS[-1]}.yaml", GOLDEN / "mimic_iv_predicates.yaml")
    with open_view(demo) as view:
        cohort = build(view, task)
    LabelSchema.validate(cohort.meds_labels)
    assert cohort.labels.column_names == LabelSchema.schema().names
