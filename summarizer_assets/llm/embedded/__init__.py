"""The embedded provider: answers from a template, without a network and without a model."""
