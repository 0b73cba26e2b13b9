"""Who calls: the three signature schemes and bearer keys."""
