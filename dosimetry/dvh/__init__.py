"""Dose-volume histograms."""
