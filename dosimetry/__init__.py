"""Physics of radiopharmaceutical therapy: from DICOM images to absorbed dose with uncertainty. Knows no users."""
