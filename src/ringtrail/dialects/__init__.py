"""The public APIs. Adding one: a folder beside these, and its line in `ringtrail.app.DIALECTS`."""
