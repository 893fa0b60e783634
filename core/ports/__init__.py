"""What the rules need from the outside, one module a noun."""
