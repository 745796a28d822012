"""EDF, EDF+, BDF and BDF+ files, one noun a module; the reader is `readers/edf.py`."""
