"""HL7 v2 messages, one noun a module; the reader is `readers/hl7v2.py`."""
