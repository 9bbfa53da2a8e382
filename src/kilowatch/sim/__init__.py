"""A simulated home: appliances as duty-cycle and event models, with faults that change the appliance."""
