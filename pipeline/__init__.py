"""The whole: TFX pipeline, runners, demo and command line."""
