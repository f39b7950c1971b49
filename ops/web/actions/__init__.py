"""What a person can do from a page: each calls what the command of that name calls, once for each form."""
