"""Regions: drawing helps, rules, measurement."""
