"""The tags, one class each, grouped by what they are. `registry` lists them."""
