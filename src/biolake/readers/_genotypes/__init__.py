"""What the readers of genotypes share: tables of variants and samples, packed rows, findings."""
