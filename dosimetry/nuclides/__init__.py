"""Decay data of ICRP Publication 107."""
