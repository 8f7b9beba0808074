"""Interactions of photons and electrons with matter."""
