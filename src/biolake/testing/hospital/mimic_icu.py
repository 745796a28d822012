"""Write a site's intensive care as the MIMIC-IV icu tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.clock import DAY, HOUR, NEVER
from biolake.testing.hospital.csv_files import CsvFiles, moments, partly
from biolake.testing.hospital.items import LABS, OTHER_UNITS, VITALS
from biolake.testing.hospital.recording import Recorded, numbers
from biolake.testing.hospital.terms import PALLIATIVE_ITEM, drug

if TYPE_CHECKING:
    from biolake.testing.hospital.histories import History

SUBJECTS, ADMISSIONS, STAYS = 10_000_000, 20_000_000, 30_000_000
UNIT = "Medical Intensive Care Unit (MICU)"
DRIP = {
    "ordercategoryname": "01-Drips",
    "secondaryordercategoryname": None,
    "ordercomponenttypedescription": "Main order parameter",
    "ordercategorydescription": "Continuous Med",
}
BAG = {
    "totalamount": 250,
    "totalamountuom": "ml",
    "isopenbag": 0,
    "continueinnextdept": 0,
    "statusdescription": "FinishedRunning",
    "originalamount": 8,
    "originalrate": 0.1,
}


class IntensiveCareFiles:
    """The icu folder of one MIMIC-IV site."""

    def __init__(self, files: CsvFiles, site: int) -> None:
        self.site = site
        self.files = files
        self._dictionary()

    def write(self, history: History, recorded: Recorded) -> None:
        """Append one chunk of subjects."""
        self._stays(history)
        self._inputs(history)
        self._charts(history, recorded)

    def _subject(self, history: History, rows: np.ndarray) -> np.ndarray:
        return SUBJECTS + history.people.index[rows]

    def _dictionary(self) -> None:
        vitals = [(i.mimic, i.title, i.unit) for i in VITALS if i.name != "temperature"]
        charts = [
            *vitals,
            (OTHER_UNITS["mimic"]["temperature"].mimic, "Temperature Fahrenheit", "°F"),
            (PALLIATIVE_ITEM, "Palliative care consult", None),
        ]
        ids, titles, units = zip(*charts, strict=True)
        for rows, link in (
            ((ids, titles, units), "chartevents"),
            (
                ((221906,), ("Norepinephrine",), ("mg",)),
                "inputevents",
            ),
        ):
            self.files.write(
                "icu/d_items",
                len(rows[0]),
                {
                    "itemid": np.array(rows[0]),
                    "label": list(rows[1]),
                    "abbreviation": list(rows[1]),
                    "linksto": link,
                    "category": "Routine Vital Signs",
                    "unitname": list(rows[2]),
                    "param_type": "Numeric",
                    "lownormalvalue": None,
                    "highnormalvalue": None,
                },
            )

    def _stays(self, history: History) -> None:
        found = history.encounters
        found = found.take((found.site == self.site) & (found.icu_in < NEVER))
        self.files.write(
            "icu/icustays",
            len(found),
            {
                "subject_id": self._subject(history, found.subject),
                "hadm_id": ADMISSIONS + found.number,
                "stay_id": STAYS + found.number,
                "first_careunit": UNIT,
                "last_careunit": UNIT,
                "intime": moments(found.icu_in),
                "outtime": moments(found.icu_out),
                "los": np.round((found.icu_out - found.icu_in) / DAY, 6),
            },
        )

    def _inputs(self, history: History) -> None:
        found, given = history.encounters, history.drugs
        rows = (found.site[given.encounter] == self.site) & (given.term == drug("norepinephrine"))
        given = given.take(rows & (found.icu_in[given.encounter] < NEVER))
        at = given.encounter
        end = np.minimum(given.end, found.icu_out[at])
        order = found.number[at]
        self.files.write(
            "icu/inputevents",
            len(given),
            {
                "subject_id": self._subject(history, found.subject[at]),
                "hadm_id": ADMISSIONS + order,
                "stay_id": STAYS + order,
                "caregiver_id": 100,
                "starttime": moments(given.start),
                "endtime": moments(end),
                "storetime": moments(given.start + 300),
                "itemid": 221906,
                "amount": np.round((end - given.start) / HOUR * 0.4, 3),
                "amountuom": "mg",
                "rate": 0.1,
                "rateuom": "mcg/kg/min",
                "orderid": order,
                "linkorderid": order,
                **DRIP,
                "patientweight": history.people.weight[found.subject[at]],
                **BAG,
            },
        )

    def _charts(self, history: History, recorded: Recorded) -> None:
        found, measured = history.encounters, recorded.measured
        at = measured.encounter
        inside = (measured.time >= found.icu_in[at]) & (measured.time < found.icu_out[at])
        rows = recorded.take((measured.item >= len(LABS)) & (at >= 0) & inside)
        measured = rows.measured
        self._chart(
            history,
            measured.encounter,
            measured.time,
            rows.mimic,
            numbers(rows.value),
            rows.value,
            rows.unit,
        )
        asked = history.consults
        asked = asked.take(found.site[asked.encounter] == self.site)
        none = np.full(len(asked), np.nan)
        self._chart(
            history,
            asked.encounter,
            asked.time,
            np.full(len(asked), PALLIATIVE_ITEM),
            ["Requested"] * len(asked),
            none,
            [None] * len(asked),
        )

    def _chart(
        self,
        history: History,
        at: np.ndarray,
        time: np.ndarray,
        items: np.ndarray,
        text: list[str],
        number: np.ndarray,
        unit: np.ndarray | list[None],
    ) -> None:
        found = history.encounters
        self.files.write(
            "icu/chartevents",
            len(at),
            {
                "subject_id": self._subject(history, found.subject[at]),
                "hadm_id": ADMISSIONS + found.number[at],
                "stay_id": STAYS + found.number[at],
                "caregiver_id": 100 + found.number[at] % 400,
                "charttime": moments(time),
                "storetime": moments(time + 600),
                "itemid": items,
                "value": text,
                "valuenum": partly(number, np.isnan(number)),
                "valueuom": unit,
                "warning": 0,
            },
        )
