"""Builds the free bodies from MakeHuman's data; `tools/build_body.py` runs the steps in order."""
