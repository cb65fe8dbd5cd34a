"""Seasons reconstructed from published results, and their published standings."""
