"""Agreement among readers, and of the model with the readers."""
