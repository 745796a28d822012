"""`python -m biolake` is the command `biolake`."""

from biolake.cli import main

main(prog_name="biolake")
