"""`kilowatch bench pipeline`: the detector service on real Kafka, at the rates and sizes of a city."""
