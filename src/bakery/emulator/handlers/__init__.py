"""The API's requests: parsed, applied to the state, serialised; one module per resource."""
