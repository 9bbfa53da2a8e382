"""The demo: a simulated home on real HTTP plugs before the real edge, its clock running faster than ours."""
