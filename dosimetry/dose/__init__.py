"""Absorbed dose from time-integrated activity."""
