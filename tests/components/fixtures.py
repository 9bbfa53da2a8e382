"""Real components that tests start once a session: Kafka, Mosquitto, PostgreSQL and the like."""
