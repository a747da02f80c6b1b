"""Human labels, of which none is ever lost, and the pool of reviews to label."""
