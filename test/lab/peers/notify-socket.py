# A notify socket as systemd has one: prints the words of each message on a line of its own.  notify-socket.py PATH
import socket
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
print("listening", flush=True)
while True:
    print(" ".join(listener.recv(4096).decode().split("\n")), flush=True)
