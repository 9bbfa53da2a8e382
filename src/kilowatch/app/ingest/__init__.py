"""From messages of `IoTDevices` to columns, and back."""

from kilowatch.app.ingest.decode import Decoded, Decoder, Placed, Refused, decode
from kilowatch.app.ingest.encode import encode_batch, encode_reading

__all__ = ["Decoded", "Decoder", "Placed", "Refused", "decode", "encode_batch", "encode_reading"]
