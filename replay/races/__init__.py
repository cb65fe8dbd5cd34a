"""Races reconstructed from published facts: one TOML file of facts for each."""
