"""Downloads: fetch an archive, check and unpack it, and publish it as a data set."""
