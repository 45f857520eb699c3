"""Faults that a user adds: their table, and their effects on requests and clients."""
