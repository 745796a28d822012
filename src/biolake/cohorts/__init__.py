"""Cohorts: read a task definition, compile it to SQL, build who is in and what is predicted.

A task file is ES-ACES YAML as it stands. A block of our own may add to it:

    biolake:
      predicates:
        ward: {expr: "and(admission, not(or(icu, death)))"}    # nested, with not(…)
        heart_failure: {code: {descendants_of: [ICD10CM//I50]}}  # with all codes below it
        hf_stay: {task: hf_stay.yaml}       # a trigger that meets all of another task's criteria;
                                            # `positive: true`: and whose label there is true
      windows:
        input:                              # a window of the task; both ends of a range included
          has_value:                        # mean, min, max, first, last, change (last - first)
            creatinine: {max: [1.5, null], change: [0.3, null]}
      outcome:                              # time to event, from the prediction time on
        event: death
        competing: [discharge]
        horizon: 365d

A window without a reading meets no range. Of several readings at one instant, `first` is the
smallest and `last` the largest. An outcome adds `duration_days` and `observed`: 1 the event came
first, 2 a competing one did, 0 neither by the horizon or the end of the record.
"""

from biolake.cohorts.building import Cohort, Step, build
from biolake.cohorts.definition import Task
from biolake.cohorts.loading import load_task

__all__ = ["Cohort", "Step", "Task", "build", "load_task"]
