"""Training with PyTorch: prepared slices, augmentation, one training loop, and one recipe per strategy."""
