"""Build the scripts of POSIX sh that a machine runs, as text; nothing here runs one."""
