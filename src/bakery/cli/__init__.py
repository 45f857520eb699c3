"""One module per verb: options, adapters, one call, print."""
