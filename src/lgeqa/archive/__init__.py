"""Image archives that speak DICOMweb: search for series, pull their images, store results."""
