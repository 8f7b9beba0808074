"""Time-activity curves and their integral."""
