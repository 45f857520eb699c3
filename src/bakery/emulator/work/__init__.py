"""Carries out what the API has accepted: actions on machines, and the account's firewalls."""
