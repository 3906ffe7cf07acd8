"""Input pipeline and the two training stages."""
