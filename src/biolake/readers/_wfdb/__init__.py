"""WFDB records and annotations, one noun a module; the reader is `readers/wfdb.py`."""
