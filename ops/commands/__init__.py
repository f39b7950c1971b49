"""What `hybrid` can be told, by what it is about; each command imports its part when it is called."""
