"""Training: prepared slices, augmentation, one loop, one recipe a strategy (PyTorch)."""
