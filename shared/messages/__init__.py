"""Every message that crosses a process, and its codec. Everything in it is pure."""
