"""Files of any kind, and texts, made into what telephones play. Both are the work of other processes: what we are sent is
anybody's, and eSpeak NG is under a licence (GPL 3) that wants to be kept apart."""
