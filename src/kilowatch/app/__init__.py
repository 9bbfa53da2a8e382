"""Wiring and the only loops: the pipeline that live, replay and demo share."""
