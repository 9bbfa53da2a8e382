"""The only part that may switch a plug: decides, claims, switches, reads back, and writes all of it down."""
