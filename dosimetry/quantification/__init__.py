"""From stored values to activity concentration."""
