from __future__ import annotations

from pathlib import Path

import pytest

from biolake.core.errors import SourceUnreadable
from biolake.core.reading import Tally
from biolake.readers.cbioportal import cbioportal, maf
from biolake.testing.readers import ReaderTests, opened, read

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
DAY = 86_400_000_000
ORIGIN = 946_684_800_000_000  # 2000-01-01

FILES = {
    "meta_study.txt": "cancer_study_identifier: toy\nreference_genome: hg19\n",
    "meta_clinical_patients.txt": (
        "cancer_study_identifier: toy\ngenetic_alteration_type: CLINICAL\n"
        "datatype: PATIENT_ATTRIBUTES\ndata_filename: data_clinical_patients.txt\n"
    ),
    "data_clinical_patients.txt": (
        "#Patient\tStatus\tMonths\tAge\tSex\tRecurred\n#p\ts\tm\ta\tx\tr\n"
        "#STRING\tSTRING\tNUMBER\tNUMBER\tSTRING\tSTRING\n#1\t1\t1\t1\t1\t1\n"
        "PATIENT_ID\tOS_STATUS\tOS_MONTHS\tAGE\tSEX\tDFS_STATUS\n"
        "P1\t0:LIVING\t12\t50\tFemale\t1:Recurred\n"
        "P2\t1:DECEASED\t1.5\t61.5\tMale\t\n"
        "P3\t[Not Available]\tNA\t\t\t\n"
        "P4\t1:DECEASED\tsoon\t70\tMale\t\n"
    ),
    "meta_clinical_samples.txt": (
        "genetic_alteration_type: CLINICAL\ndatatype: SAMPLE_ATTRIBUTES\n"
        "data_filename: data_clinical_samples.txt\n"
    ),
    "data_clinical_samples.txt": (
        "PATIENT_ID\tSAMPLE_ID\tSUBTYPE\nP1\tS1\tbasal\nP1\tS2\tbasal\nP2\tS3\tluminal\n"
        "P3\tS4\tluminal\n\tS5\tluminal\nP2\tS3\tluminal\n"
    ),
    "meta_cna.txt": (
        "genetic_alteration_type: COPY_NUMBER_ALTERATION\ndatatype: DISCRETE\n"
        "stable_id: gistic\ndata_filename: data_cna.txt\n"
    ),
    "data_cna.txt": (
        "Hugo_Symbol\tEntrez_Gene_Id\tS1\tS2\tS3\tS9\n"
        "TP53\t7157\t-2\t0\tNA\t1\n2-Sep\t1\t0\t0\t0\t0\nMYC\t4609\t3\t0\t0\t0\n"
        "MYC\t4609\t1\tNA\t2\t0\nMYC\t4609\t1\t1\t1\t1\nEGFR\t7157\t1\t1\t1\t1\n"
        "KRAS\t3845\tNA\tNA\tNA\t1\nNRAS\t4893\t1\n"
    ),
    "meta_expression.txt": (
        "genetic_alteration_type: MRNA_EXPRESSION\ndatatype: Z-SCORE\n"
        "stable_id: mrna_z\ndata_filename: data_expression.txt\n"
    ),
    "data_expression.txt": (
        "Hugo_Symbol\tS1\tS3\nTP53\t-0.5\t1.25\nMYC\thigh\t1\nKRAS\t1e60\t1\nERCC5|probe\t2\t\n"
    ),
    "meta_mutations.txt": (
        "genetic_alteration_type: MUTATION_EXTENDED\ndatatype: MAF\n"
        "stable_id: mutations\ndata_filename: data_mutations.maf\n"
    ),
    "data_mutations.maf": (
        "#version 2.4\n"
        "Hugo_Symbol\tEntrez_Gene_Id\tNCBI_Build\tChromosome\tStart_Position\tEnd_Position\t"
        "Variant_Classification\tReference_Allele\tTumor_Seq_Allele2\tTumor_Sample_Barcode\t"
        "HGVSp_Short\tt_ref_count\tt_alt_count\n"
        "TP53\t7157\tGRCh37\t17\t7577121\t7577121\tMissense_Mutation\tG\tA\tS1\tp.R273C\t30\t10\n"
        "TP53\t7157\tGRCh37\t17\t7577121\t7577121\tMissense_Mutation\tG\tA\tS1\tp.R273C\t30\t10\n"
        "TP53\t7157\tGRCh37\t17\t7577121\t7577121\tMissense_Mutation\tG\tA\tS8\tp.R273C\t30\t10\n"
        "1-Mar\t\tGRCh37\t4\t1\t1\tSilent\tG\tA\tS1\t\t\t\n"
    ),
    "meta_ic50.txt": (
        "genetic_alteration_type: GENERIC_ASSAY\ndatatype: LIMIT-VALUE\nstable_id: ic50\n"
        "generic_entity_meta_properties: NAME,URL\ndata_filename: data_ic50.txt\n"
    ),
    "data_ic50.txt": "ENTITY_STABLE_ID\tNAME\tURL\tS1\tS3\nAEW541\ta\tb\t> 8\t2.5\n",
    "meta_timeline.txt": (
        "genetic_alteration_type: CLINICAL\ndatatype: TIMELINE\ndata_filename: data_timeline.txt\n"
    ),
    "data_timeline.txt": (
        "PATIENT_ID\tSTART_DATE\tSTOP_DATE\tEVENT_TYPE\tAGENT\tTEST\tRESULT\n"
        "P1\t5\t12\tTREATMENT\tCisplatin\t\t\nP1\t-3\t\tLAB_TEST\t\tCEA\t4.5\n"
        "P9\t1\t\tTREATMENT\tCisplatin\t\t\nP1\t9\t2\tTREATMENT\tCisplatin\t\t\n"
        "P2\t\t\tTREATMENT\tCisplatin\t\t\n"
    ),
    "meta_resource.txt": "resource_type: PATIENT\ndata_filename: data_resource.txt\n",
    "data_resource.txt": "PATIENT_ID\tRESOURCE_ID\tURL\nP1\tNOTES\thttp://x\n",
    "data_gene_panel_p.txt": "stable_id: P\ndescription: d\ngene_list: TP53\tMYC\n",
}  # fmt: skip


def write_study(folder: Path, **changed: str) -> Path:
    for name, text in FILES.items():
        (folder / name).write_text(changed.get(name.replace(".", "_"), text))
    return folder


def events(source: Path, reader=cbioportal) -> dict[tuple[str, str], list[dict]]:
    found: dict[tuple[str, str], list[dict]] = {}
    for chunk in read(reader, source):
        for row in chunk.events.to_pylist() if chunk.events else []:
            found.setdefault((row["subject"], row["code"]), []).append(row)
    return found


def rejects(source: Path, reader=cbioportal) -> dict[str, list[tuple[int, str, str]]]:
    found: dict[str, list[tuple[int, str, str]]] = {}
    for chunk in read(reader, source):
        mine = [(r.row, r.column, r.reason) for r in chunk.tally.rejects]
        found.setdefault(chunk.file.name, []).extend(mine)
    return found


def microseconds(row: dict) -> int:
    return round((row["time"] - row["time"].__class__(2000, 1, 1)).total_seconds() * 1e6) + ORIGIN


class TestCbioportalReader(ReaderTests):
    reader = cbioportal
    secrets = ("P1", "P2", "S1", "S3", "S9")

    def write_source(self, folder: Path) -> Path:
        return write_study(folder)


class TestMafReader(ReaderTests):
    reader = maf
    secrets = ("S1", "S8")

    def write_source(self, folder: Path) -> Path:
        (folder / "toy.maf").write_text(FILES["data_mutations.maf"])
        return folder


def test_death_and_last_contact_lie_their_months_after_the_diagnosis(tmp_path):
    found = events(write_study(tmp_path))
    (alive,) = found["P1", "OS//LIVING"]
    assert microseconds(alive) == ORIGIN + round(12 * 30.4375) * DAY
    (death,) = found["P2", "MEDS_DEATH"]
    assert microseconds(death) == ORIGIN + 46 * DAY
    assert found["P2", "OS//DECEASED"][0]["numeric_value"] == 1.0
    assert ("P1", "MEDS_DEATH") not in found


def test_births_are_the_diagnosis_less_the_age(tmp_path):
    (birth,) = events(write_study(tmp_path))["P2", "MEDS_BIRTH"]
    assert microseconds(birth) == ORIGIN - round(61.5 * 365.25) * DAY


def test_what_is_known_only_later_gives_no_event_without_a_day(tmp_path):
    found = events(write_study(tmp_path))
    assert not any("DFS" in code or "Recurred" in code for _, code in found)


def test_every_patient_has_one_day_0_and_sex_is_timeless(tmp_path):
    found = events(write_study(tmp_path))
    origins = [rows for (_, code), rows in found.items() if code == "TIME_ORIGIN//DIAGNOSIS"]
    assert [len(rows) for rows in origins] == [1, 1, 1]
    assert found["P1", "GENDER//F"][0]["time"] is None


def test_samples_become_identifiers_of_their_patients(tmp_path):
    people = [c.people.to_pylist() for c in read(cbioportal, write_study(tmp_path)) if c.people]
    found = {(row["subject"], row["system"], row["value"]) for rows in people for row in rows}
    assert found == {("P1", "sample", "S1"), ("P1", "sample", "S2"), ("P2", "sample", "S3"),
                     ("P3", "sample", "S4")}  # fmt: skip


def test_what_is_wrong_is_quarantined_by_row_column_and_reason(tmp_path):
    found = rejects(write_study(tmp_path))
    assert [(row, column) for row, column, _ in found["data_clinical_patients.txt"]] == [
        (9, "OS_MONTHS")
    ]
    assert [(row, column) for row, column, _ in found["data_clinical_samples.txt"]] == [
        (6, "PATIENT_ID"),
        (7, "SAMPLE_ID"),
    ]
    assert found["data_cna.txt"] == [
        (1, "column 6", "this sample is in no clinical sample file"),
        (3, "Hugo_Symbol", "a spreadsheet has made this gene symbol a date"),
        (4, "column 3", "not one of -2, -1.5, -1, 0, 1, 2"),
        (5, "Hugo_Symbol", "the same row stands here twice"),
        (6, "Hugo_Symbol", "the same row stands here twice"),
        (7, "Entrez_Gene_Id", "this symbol and Entrez id name different genes elsewhere in the"
         " study"),
        (9, "", "3 columns, the header has 6"),
    ]  # fmt: skip
    assert [(row, reason) for row, _, reason in found["data_mutations.maf"]] == [
        (4, "the same row stands here twice"),
        (5, "this sample is in no clinical sample file"),
        (6, "a spreadsheet has made this gene symbol a date"),
    ]
    assert [(row, column) for row, column, _ in found["data_expression.txt"]] == [
        (3, "column 2"),
        (4, "column 2"),
    ]
    assert [(row, column) for row, column, _ in found["data_timeline.txt"]] == [
        (4, "PATIENT_ID"),
        (5, "STOP_DATE"),
        (6, "START_DATE"),
    ]


def test_wide_values_become_events_and_missing_ones_none(tmp_path):
    found = events(write_study(tmp_path))
    assert sorted(r["numeric_value"] for r in found["P1", "CNA//TP53"]) == [-2.0, 0.0]
    assert ("P2", "CNA//TP53") not in found
    assert found["P2", "EXPRESSION//TP53//zscore"][0]["numeric_value"] == 1.25
    assert found["P1", "EXPRESSION//ERCC5//zscore"][0]["numeric_value"] == 2.0


def test_a_mutation_has_its_allele_fraction_and_its_place(tmp_path):
    (row,) = events(write_study(tmp_path))["P1", "MUTATION//TP53//Missense_Mutation"]
    assert row["numeric_value"] == pytest.approx(0.25)
    assert row["text_value"] == "p.R273C 17:7577121 G>A"


def test_a_value_beyond_the_limit_of_an_assay_keeps_its_sign(tmp_path):
    found = events(write_study(tmp_path))
    (over,) = found["P1", "GENERIC_ASSAY//ic50//AEW541"]
    assert (over["numeric_value"], over["text_value"]) == (8.0, ">8")
    assert found["P2", "GENERIC_ASSAY//ic50//AEW541"][0]["text_value"] is None


def test_timelines_lie_on_their_days(tmp_path):
    found = events(write_study(tmp_path))
    (drug,) = found["P1", "TIMELINE//TREATMENT//Cisplatin"]
    assert microseconds(drug) == ORIGIN + 5 * DAY
    assert (drug["end_time"] - drug["time"]).days == 7
    assert found["P1", "TIMELINE//LAB_TEST//CEA"][0]["numeric_value"] == 4.5


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("meta_study_txt", FILES["meta_study.txt"].replace("hg19", "hg38"), "GRCh37"),
        ("meta_study_txt", FILES["meta_study.txt"].replace("hg19", "hg7"), "not known"),
        ("meta_cna_txt", FILES["meta_cna.txt"].replace("data_cna.txt", "../x"), "names no file"),
        ("meta_cna_txt", "cancer_study_identifier: b\n" + FILES["meta_cna.txt"], "another study"),
        ("data_cna_txt", "", "no header"),
        ("data_clinical_samples_txt", "PATIENT_ID\tSAMPLE_ID\tA\tA\nP1\tS1\tx\ty\n", "two columns"),
    ],
)  # fmt: skip
def test_a_study_that_contradicts_itself_is_refused_by_name(tmp_path, name, text, said):
    write_study(tmp_path, **{name: text})
    with pytest.raises(SourceUnreadable, match=said):
        list(read(cbioportal, tmp_path))


def test_an_age_that_is_a_bound_costs_the_birth_and_not_the_patient(tmp_path):
    text = FILES["data_clinical_patients.txt"].replace("\t50\t", "\t>89\t")
    found = events(write_study(tmp_path, data_clinical_patients_txt=text))
    assert ("P1", "MEDS_BIRTH") not in found
    assert found["P1", "CLINICAL//AGE"][0]["text_value"] == ">89"
    assert found["P1", "OS//LIVING"]


def test_an_aliquots_barcode_leads_to_its_sample(tmp_path):
    def named(name: str) -> str:
        return FILES[name].replace("S1\t", "TCGA-AA-0001-01\t")

    maf_text = FILES["data_mutations.maf"].replace("\tS1\t", "\tTCGA-AA-0001-01A-11D-A142-09\t")
    samples = named("data_clinical_samples.txt")
    write_study(tmp_path, data_clinical_samples_txt=samples, data_mutations_maf=maf_text)
    assert ("P1", "MUTATION//TP53//Missense_Mutation") in events(tmp_path)


def test_mafs_of_two_builds_are_refused_together(tmp_path):
    text = FILES["data_mutations.maf"]
    (tmp_path / "a.maf").write_text(text)
    (tmp_path / "b.maf").write_text(text.replace("GRCh37", "GRCh38").replace("S1", "S2"))
    with pytest.raises(SourceUnreadable, match="GRCh38"):
        list(read(maf, tmp_path))


def test_two_profiles_of_one_kind_keep_apart(tmp_path):
    write_study(tmp_path)
    meta = FILES["meta_expression.txt"].replace("mrna_z", "rna_seq_z")
    (tmp_path / "meta_expression_2.txt").write_text(meta.replace("expression.txt", "second.txt"))
    (tmp_path / "data_second.txt").write_text(FILES["data_expression.txt"])
    codes = {code for _, code in events(tmp_path)}
    assert {"EXPRESSION//TP53//zscore", "EXPRESSION//TP53//zscore_rna_seq_z"} <= codes


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
def test_the_portals_own_test_study_is_read_whole():
    source = SHARED / "cbioportal_study_es_0"
    total, files = Tally(), set()
    for chunk in read(cbioportal, source):
        assert chunk.tally.unexplained == 0
        total.add(chunk.tally)
        files.add(chunk.file.name)
    assert files == {each.name for each in source.glob("data_*")}
    assert (total.rows, total.event_rows, len(total.rejects)) == (8253, 7880, 0)
    assert all(reason for reason in total.skipped)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
def test_copy_number_of_the_test_study_agrees_with_its_file():
    source = SHARED / "cbioportal_study_es_0"
    lines = [
        line.split("\t") for line in (source / "data_cna_discrete.txt").read_text().splitlines()
    ]
    samples = (source / "data_clinical_samples.txt").read_text().splitlines()[5:]
    patient = {line.split("\t")[1]: line.split("\t")[0] for line in samples}
    wanted = sorted((patient[s], f"CNA//{gene}", float(v)) for gene, _, s, v, *_ in lines[1:])
    found = sorted(
        (who, code, row["numeric_value"])
        for (who, code), rows in events(source).items()
        if code.startswith("CNA//")
        for row in rows
    )
    assert found == wanted


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
def test_leukaemias_of_maftools_load_with_their_follow_up():
    source = SHARED / "tcga_laml_maftools"
    found = events(source, maf)
    deaths = [key for key in found if key[1] == "MEDS_DEATH"]
    assert len(deaths) == sum(
        line.split("\t")[2].isdigit() and line.split("\t")[3] == "1"
        for line in (source / "tcga_laml_annot.tsv").read_text().splitlines()[1:]
    )
    assert {row[2] for row in rejects(source, maf)["tcga_laml_annot.tsv"]} == {"not a number"}
    assert opened(maf, source).notes[1].startswith("not read: ")
