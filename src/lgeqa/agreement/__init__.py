"""How far readers, and the model among them, agree."""
