"""Moving an account in from elsewhere: what it has there is read through the vendor's own API, and made here."""
