"""The two papers that kilowatch set out from: their protocols, their figures and ours."""
