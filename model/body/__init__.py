"""Body models: files, NumPy path, differentiable layer."""
