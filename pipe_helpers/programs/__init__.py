"""The programs of the lesson: plain scripts that use the standard library only.

write_to_named_pipe and read_from_named_pipe send one message; serve_many answers the requests of
any number of ask_server.
"""
