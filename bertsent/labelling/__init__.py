"""Human labels, kept so that none is lost, and the pool of reviews they are asked from."""
