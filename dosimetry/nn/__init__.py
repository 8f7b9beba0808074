"""Networks: their inputs, weights, inference and training; the only package that imports ``torch.nn``."""
