"""Training: a data set in, a calibrated SavedModel that the service picks up out."""
