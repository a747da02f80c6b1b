"""Archives: download (resume, retry, digest), safe extraction, and the data sets that come of them.

connection   what is followed, how long is waited, which failures pass with time
fetch        one file over HTTP, with resume and retries
limits       what an archive may hold
unpack       a tar or zip, member by member
dataset      fetched, verified, unpacked and published as one folder of `data/`
"""
