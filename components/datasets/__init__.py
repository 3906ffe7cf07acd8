"""Public datasets in their official layouts, read into the records that training and evaluation take."""
