"""kilowatch watches the power that devices draw, finds what is odd, says why, and switches off what you allow."""
