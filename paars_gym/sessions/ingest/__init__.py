"""Other people's logs in: readers, mappings, the named public formats, quarantine, sessionising."""
