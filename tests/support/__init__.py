"""What tests share: tiny models, servers, terminals, faulty disks."""
