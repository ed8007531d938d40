"""All writes of money. Imported as modules: `from payments.services import escrow`."""
