"""Decides, purely, what the cluster will be."""
