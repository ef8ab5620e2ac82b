"""Types made from spec/openapi.json; sojourn.types shows them."""
