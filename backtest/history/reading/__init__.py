"""Files of rows as people have them: unpacked, recognised by what their columns are called, read as one kind of row."""
