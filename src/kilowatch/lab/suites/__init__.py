"""Suites: each measures every detector on one sort of evidence, with one fixed configuration for all."""
