"""What a caller hears: one coroutine per voice app over a small CallControl. An app queries nothing and knows no engine."""
