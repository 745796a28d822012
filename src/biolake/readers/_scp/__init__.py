"""Parts of the SCP-ECG reader (EN 1064, ISO 11073-91064)."""
