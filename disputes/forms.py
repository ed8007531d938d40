"""Input of the pages: to clean values, nothing is saved here."""
