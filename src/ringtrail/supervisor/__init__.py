"""The process tree of `ringtrail up`: PostgreSQL, Asterisk, the API, the controller and the worker."""
