"""`sink` and `witness`: the record towards other systems, and this executable as a witness of others."""
