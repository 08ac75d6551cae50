"""Settings of places that give us something: authorization servers, vaults."""
