"""Reading, checking and writing DICOM."""
