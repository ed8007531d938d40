"""The bottom layer: what every app stands on. Knows no app."""
