"""Everyone of a study with what they are described by, as of their index times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.lake.door import View
from biolake.learning.preprocessing import learn_preprocessing
from biolake.studies.dataset import Dataset
from biolake.studies.definition import Study
from biolake.studies.folds import Cast
from biolake.studies.follow_up import follow
from biolake.studies.held_out import HeldOut
from biolake.studies.population import Enrolled, enrol
from biolake.studies.sizing import Sizing, size_up
from biolake.studies.variables import SEX, age_of, groups_of, labels


@dataclass(frozen=True)
class Gathered:
    """The population with its attrition, and the plain variables and groups of its samples."""

    enrolled: Enrolled
    cast: Cast


def gather(view: View, study: Study) -> Gathered:
    """Build the population of a study and look up age, sex and subgroups."""
    enrolled = follow(view, enrol(view, study), study.outcome)
    members = enrolled.members
    age = age_of(view, members)
    groups = groups_of(view, members, age, study.subgroups)
    variables: dict[str, np.ndarray] = {"age": age}
    variables["sex"] = groups["sex"] if "sex" in groups else labels(view, members, SEX)
    named = {name: column for name, column in groups.items() if name not in ("age", "sex", "site")}
    return Gathered(enrolled, Cast(members, variables | named, groups))


def sizing(door: HeldOut, dataset: Dataset) -> Sizing:
    """Judge the training samples against the columns that vary among them."""
    rows = door.deal.rows("train")
    steps = learn_preprocessing(dataset.columns, dataset.values[rows])
    return size_up(door.part("train"), len(steps.outputs))
