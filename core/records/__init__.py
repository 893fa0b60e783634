"""Frozen rows that the parts exchange; no behaviour."""
