"""Alignment of time points."""
