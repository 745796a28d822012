"""Writes genotypes.json: dosages as bed-reader and plink2 (2.00a3.5) read the shared files.

python tests/readers/goldens/make_genotypes.py SHARED_DATA tests/readers/goldens/genotypes.json
"""

import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from bed_reader import open_bed

SETS = ("hapmap_snprelate", "gcta_test", "hail_resources", "regenie_example")


def dosages(bed):
    """Return variants × samples, counting A1; plink2 writes ALT as A1."""
    with open_bed(bed) as opened:
        read = opened.read(dtype="int8", num_threads=1).T
    return np.where(read == -127, -1, read).astype(np.int8)


def told(found):
    digest = hashlib.sha256(np.ascontiguousarray(found).tobytes()).hexdigest()
    return {"variants": found.shape[0], "samples": found.shape[1], "sha256": digest}


def by_plink2(arguments, folder):
    """Let plink2 make a .bed; --allow-extra-chr and names by column so that every file is taken."""
    command = ["plink2", *arguments, "--allow-extra-chr", "--make-bed", "--out", f"{folder}/x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr + done.stdout)
    return dosages(f"{folder}/x.bed")


def renamed(path, folder):
    """Copy a VCF with samples s0, s1, …: plink2 takes none that is named 0."""
    opener = open if path.suffix == ".vcf" else gzip.open
    with opener(path, "rt") as lines, Path(folder, "x.vcf").open("w") as out:
        for line in lines:
            if line.startswith("#CHROM"):
                words = line.rstrip("\n").split("\t")
                line = "\t".join([*words[:9], *(f"s{n}" for n in range(len(words) - 9))]) + "\n"
            out.write(line)
    return f"{folder}/x.vcf"


def main():
    data, out = Path(sys.argv[1]), {}
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(path for name in SETS for path in (data / name).iterdir()):
            name = f"{path.parent.name}/{path.name}"
            if path.name.endswith(".bed"):
                out[name] = told(dosages(path))
            elif path.name.endswith(".bed.gz"):
                for each in path.parent.glob("*.gz"):
                    Path(folder, each.stem).write_bytes(gzip.decompress(each.read_bytes()))
                out[name] = told(dosages(Path(folder, path.stem)))
            elif path.suffix == ".pgen":
                out[name] = told(by_plink2(["--pfile", str(path.with_suffix(""))], folder))
            elif ".vcf" in path.name:
                call = ["--vcf", renamed(path, folder), "--vcf-half-call", "missing"]
                out[name] = told(by_plink2([*call, "--double-id"], folder))
    Path(sys.argv[2]).write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
