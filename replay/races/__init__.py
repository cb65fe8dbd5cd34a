"""Races told from published facts: one TOML file of facts a race."""
