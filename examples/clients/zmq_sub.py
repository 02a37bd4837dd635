"""Follows a node whose event_link is ZMQ. Usage: zmq_sub.py tcp://HOST:PORT COUNT HEADER..."""
import json
import sys

import zmq

address, count, headers = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
link = zmq.Context.instance().socket(zmq.SUB)
monitor = link.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
for header in headers:
    link.subscribe(header)
link.connect(address)
monitor.recv_multipart()
print('connected', flush=True)
for _ in range(count):
    header, body = link.recv_string(), json.loads(link.recv_string())
    print(header, body.get('process_name') or body.get('application_name'), body['statename'], flush=True)
link.close(0)
