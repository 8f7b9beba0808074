"""Virtual patients with known truth, written as real DICOM."""
