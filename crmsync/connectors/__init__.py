"""Doors to systems; strangers to each other."""
