"""Apache Kafka: topics, a reader in batches, idempotent and transactional writers."""
