"""The data doctor: what is wrong with reviews before a model is trained or labels are given."""
