"""Seasons told from published results, and what was published of their standings."""
