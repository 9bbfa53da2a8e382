"""One file per outside thing; each keeps a promise from core and knows no other link."""
