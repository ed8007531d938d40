"""All shared reads of money. Imported as modules: `from payments.selectors import balances`."""
