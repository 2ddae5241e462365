"""E-mail: endpoints of the form `mail`, handed to the operator's own SMTP server."""
