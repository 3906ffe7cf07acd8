"""A trained model in use: the local server, clients, and what goes with an exported SavedModel."""
