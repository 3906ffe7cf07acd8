"""Packaging entry for tools that ask for a setup file (Beam's --setup_file); everything is in pyproject.toml."""

from setuptools import setup

setup()
