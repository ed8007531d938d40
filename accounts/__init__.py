"""People: users, client organisations and their members, API keys."""
