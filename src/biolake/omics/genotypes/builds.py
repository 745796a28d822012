"""Reference builds: which one a file's header, contig lengths or variants' positions tell of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from biolake.core.media import VariantList
from biolake.omics.genotypes.alleles import chromosome_name

# Lengths of the chromosomes, from the assembly reports of NCBI: 1 to 22, X, Y.
_NCBI36 = (
    247249719, 242951149, 199501827, 191273063, 180857866, 170899992, 158821424, 146274826,
    140273252, 135374737, 134452384, 132349534, 114142980, 106368585, 100338915, 88827254,
    78774742, 76117153, 63811651, 62435964, 46944323, 49691432, 154913754, 57772954,
)  # fmt: skip
_GRCH37 = (
    249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022,
    141213431, 135534747, 135006516, 133851895, 115169878, 107349540, 102531392, 90354753,
    81195210, 78077248, 59128983, 63025520, 48129895, 51304566, 155270560, 59373566,
)  # fmt: skip
_GRCH38 = (
    248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636,
    138394717, 133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345,
    83257441, 80373285, 58617616, 64444167, 46709983, 50818468, 156040895, 57227415,
)  # fmt: skip
_ORDER = (*(str(number) for number in range(1, 23)), "X", "Y")
LENGTHS: Mapping[str, Mapping[str, int]] = {
    "NCBI36": dict(zip(_ORDER, _NCBI36, strict=True)),
    "GRCh37": dict(zip(_ORDER, _GRCH37, strict=True)),
    "GRCh38": dict(zip(_ORDER, _GRCH38, strict=True)),
}
BUILDS = tuple(LENGTHS)
_WORDS = {
    "NCBI36": r"hg18|ncbi_?36|build_?36|(?<![a-z])b36",
    "GRCh37": r"hg19|grch_?37|hs37|human_g1k_v37|assembly19|(?<![a-z])b37|ncbi_?37",
    "GRCh38": r"hg38|grch_?38|hs38|assembly38|(?<![a-z])b38",
}
# Where well-known variants lie (chromosome, GRCh37, GRCh38), from dbSNP: enough of them that an
# array of any maker types some.
_LANDMARKS: dict[str, tuple[str, int, int]] = {
    "rs6025": ("1", 169519049, 169549811), "rs1801133": ("1", 11856378, 11796321),
    "rs11591147": ("1", 55505647, 55039974), "rs4988235": ("2", 136608646, 135851076),
    "rs1801282": ("3", 12393125, 12351626), "rs16891982": ("5", 33951693, 33951588),
    "rs1799945": ("6", 26091179, 26090951), "rs1800562": ("6", 26093141, 26092913),
    "rs13266634": ("8", 118184783, 117172544), "rs1333049": ("9", 22125503, 22125504),
    "rs10757278": ("9", 22124477, 22124478), "rs7903146": ("10", 114758349, 112998590),
    "rs4244285": ("10", 96541616, 94781859), "rs12248560": ("10", 96521657, 94761900),
    "rs1799853": ("10", 96702047, 94942290), "rs1057910": ("10", 96741053, 94981296),
    "rs334": ("11", 5248232, 5227002), "rs6265": ("11", 27679916, 27658369),
    "rs1799963": ("11", 46761055, 46739505), "rs5219": ("11", 17409572, 17388025),
    "rs1815739": ("11", 66328095, 66560624),
    "rs4149056": ("12", 21331549, 21178615), "rs12913832": ("15", 28365618, 28120472),
    "rs1426654": ("15", 48426484, 48134287), "rs9939609": ("16", 53820527, 53786615),
    "rs9923231": ("16", 31107689, 31096368), "rs7412": ("19", 45412079, 44908822),
    "rs429358": ("19", 45411941, 44908684), "rs4680": ("22", 19951271, 19963748),
    "rs738409": ("22", 44324727, 43928847), "rs3892097": ("22", 42524947, 42128945),
}  # fmt: skip


def build_in_words(text: str) -> str:
    """Return the one build that a text names (a reference's file name), or nothing."""
    found = {build for build, words in _WORDS.items() if re.search(words, text.lower())}
    return found.pop() if len(found) == 1 else ""


def build_by_lengths(lengths: Iterable[tuple[str, int]]) -> str:
    """Return the one build whose chromosomes have these lengths, or nothing."""
    told = [(chromosome_name(name), length) for name, length in lengths]
    told = [(name, length) for name, length in told if name in _ORDER]
    fitting = [
        build for build in BUILDS if told and all(LENGTHS[build][n] == size for n, size in told)
    ]
    return fitting[0] if len(fitting) == 1 else ""


def build_by_positions(variants: VariantList) -> str:
    """Return the build at which all well-known variants of a file lie, or nothing.

    Positions beyond a chromosome's end rule a build out, but prove no other.
    """
    found: set[str] = set()
    rows = np.flatnonzero(np.isin(variants.name.astype(str), list(_LANDMARKS)))
    for row in rows.tolist():
        chromosome, in_37, in_38 = _LANDMARKS[str(variants.name[row])]
        at = int(variants.position[row])
        hits = [build for build, place in (("GRCh37", in_37), ("GRCh38", in_38)) if place == at]
        found.add(hits[0] if hits and variants.chromosome[row] == chromosome else "")
    build = found.pop() if len(found) == 1 else ""
    return build if build and beyond_end(variants, build) is None else ""


def beyond_end(variants: VariantList, build: str) -> int | None:
    """Return the first variant that lies behind the end of its chromosome in a build."""
    ends = LENGTHS.get(build, {})
    names, codes = np.unique(variants.chromosome.astype(str), return_inverse=True)
    last = np.array([ends.get(name, np.iinfo(np.int64).max) for name in names.tolist()])
    if not len(names):
        return None
    rows = np.flatnonzero(variants.position > last[codes])
    return int(rows[0]) if len(rows) else None
