"""Shared by tests: tiny models, servers, terminals, faulty disks."""
