"""Pre-training: a backbone that learns without fine labels, so that few of them go further."""
