"""Faults that a client orders: the table of them, and what each does to a request or its client."""
