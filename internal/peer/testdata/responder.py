#!/usr/bin/python3
"""A FastCGI application reduced to its socket: it accepts on descriptor 0, says its name and closes."""
import socket
import sys

listener = socket.socket(fileno=0)
while True:
    connection, _ = listener.accept()
    connection.sendall(("I am " + sys.argv[1] + "\n").encode())
    connection.close()
