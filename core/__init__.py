"""The product's rules; standard library only."""
