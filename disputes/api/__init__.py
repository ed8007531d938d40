"""Disputes for programs: clients, workers and adjudicators by the same services as the pages."""
