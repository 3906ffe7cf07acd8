"""What a dataset holds: counts, distributions, samples to look at, as one page."""
