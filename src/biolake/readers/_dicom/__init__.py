"""Parts of the DICOM reader."""
