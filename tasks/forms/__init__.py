"""Forms of the pages of work: input to clean values."""
