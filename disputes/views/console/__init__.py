"""The adjudicators' console: queue, cases, reports, suspensions, and the log of what they did."""
