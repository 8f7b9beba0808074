"""Activities that keep dose limits: a model estimate, never a prescription."""
