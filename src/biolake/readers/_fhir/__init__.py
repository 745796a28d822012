"""FHIR R4 resources, one noun a module; the reader is `readers/fhir.py`."""
