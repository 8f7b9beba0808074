"""Dose-effect quantities of internal therapy."""
