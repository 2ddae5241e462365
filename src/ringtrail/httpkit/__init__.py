"""The shared web kit: limits, authentication headers, query strings, file ranges, error boundary. No vendor, no domain rule."""
