"""Readings from MQTT brokers, acknowledged only once they are safe."""

from kilowatch.links.mqtt.source import MqttSource

__all__ = ["MqttSource"]
