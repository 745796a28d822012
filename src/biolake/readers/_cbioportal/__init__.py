"""The parts of the reader of cBioPortal study folders."""
