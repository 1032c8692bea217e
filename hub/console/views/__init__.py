"""The pages, one module per family with its `register(console)`; `lists` is what all lists share."""
