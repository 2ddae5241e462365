"""The demo: two real SIP phones, a real call through a running ringtrail, and the record it leaves in every API."""
