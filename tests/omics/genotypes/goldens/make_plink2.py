"""Writes plink2.json: what plink2 (2.00a3.5) measures in shared files, every so-manieth row.

python tests/omics/genotypes/goldens/make_plink2.py SHARED tests/omics/genotypes/goldens/plink2.json
"""

import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

SETS = ("hapmap_snprelate/plinkhapmap", "bigsnpr_example/example", "regenie_example/example")
MEASURES = ("--hardy", "--freq", "--missing", "--het", "--nonfounders", "--make-king-table")
ROWS = 150


def plain(stem, folder):
    """Return a file set that plink2 can open."""
    if stem.with_name(stem.name + ".bed").exists():
        return stem
    for end in ("bed", "bim", "fam"):
        packed = stem.with_name(f"{stem.name}.{end}.gz").read_bytes()
        Path(folder, f"{stem.name}.{end}").write_bytes(gzip.decompress(packed))
    return Path(folder, stem.name)


def rows(path, *columns):
    """Return columns of every so-manieth row, with the row's number among those of the file."""
    head, *lines = Path(path).read_text().splitlines()
    places = [head.lstrip("#").split().index(name) for name in columns]
    step = max(1, len(lines) // ROWS)
    return [[n, *(lines[n].split()[p] for p in places)] for n in range(0, len(lines), step)]


def main():
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in SETS:
            stem, out = plain(Path(sys.argv[1]) / name, folder), f"{folder}/out"
            command = ["plink2", "--bfile", str(stem), "--out", out, *MEASURES]
            subprocess.run(command, check=True, capture_output=True)
            found[name] = {
                "hwe_p": rows(f"{out}.hardy", "ID", "P"),
                "alt_frequency": rows(f"{out}.afreq", "ID", "ALT_FREQS"),
                "missing": rows(f"{out}.smiss", "IID", "F_MISS"),
                "heterozygosity_f": rows(f"{out}.het", "IID", "F"),
                "kinship": rows(f"{out}.kin0", "IID1", "IID2", "KINSHIP"),
            }
    text = json.dumps(found).replace("}, ", "},\n").replace("]], ", "]],\n ")
    Path(sys.argv[2]).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
