"""Pictures of posed surfaces: one interface, several renderers."""
