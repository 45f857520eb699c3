"""What the API has accepted is carried out here: actions on machines, and the account's firewalls."""
