"""One case from files to dose without a server."""
