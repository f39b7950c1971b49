"""Who may see the dashboard and act in it: key, links, sessions, hosts, origins, headers."""
