"""The live page and the API: what people see of a running kilowatch, and where they say their word."""
