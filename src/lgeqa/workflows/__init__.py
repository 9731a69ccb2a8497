"""What the commands and the Python functions do, from inputs to results. Nothing is printed here."""
