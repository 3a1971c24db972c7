"""Training a model with a selector: one run of the protocol, and one model for use."""
