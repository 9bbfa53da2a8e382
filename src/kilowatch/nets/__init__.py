"""The papers' networks: built and trained with Keras, exported to one ONNX file, run by ONNX Runtime."""
