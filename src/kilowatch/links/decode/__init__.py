"""What each vendor's messages say, as pure functions from bytes to what one device reported."""
