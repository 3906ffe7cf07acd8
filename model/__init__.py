"""The network and everything it is judged by: body, rotations, layers, losses, metrics, training."""
