"""Generators of reference pages: each turns a part of the code into Markdown."""
