"""A client of the event interface, as Python programs have it.

subscriber.py ws URI
subscriber.py SUB|XSUB ADDRESS [heartbeat]

Prints "open", then what it receives: "HEADER BODY" for each message, "closed CODE" at the end of a WebSocket.
Reads commands, one in a line: +PREFIX and -PREFIX change the subscriptions of a ZeroMQ socket, "ping" asks a WebSocket for a pong
and prints it, "say TEXT" sends something. The end of its input is the end.
"""
import asyncio
import json
import sys


def tell(*words):
    print(*words, flush=True)


async def ws(uri):
    import websockets
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)

    async def obey(connection):
        while line := (await commands.readline()).decode().strip():
            if line == 'ping':
                await (await connection.ping())
                tell('pong')
            elif line.startswith('say '):
                await connection.send(line[4:])
        await connection.close()

    async with websockets.connect(uri) as connection:
        tell('open')
        task = asyncio.create_task(obey(connection))
        try:
            while True:
                message = await connection.recv()
                header, body = json.loads(message)
                assert isinstance(message, str)
                tell(header, json.dumps(body))
        except websockets.ConnectionClosed:
            tell('closed', connection.close_code)
        task.cancel()


def zmq(kind, address, *heartbeat):
    import zmq
    context = zmq.Context()
    socket = context.socket(getattr(zmq, kind))
    socket.setsockopt(zmq.LINGER, 0)
    if heartbeat:
        socket.setsockopt(zmq.HEARTBEAT_IVL, 50)
        socket.setsockopt(zmq.HEARTBEAT_TTL, 1000)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 5000)
    socket.connect(address)
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    poller.register(sys.stdin.fileno(), zmq.POLLIN)
    tell('open')
    while True:
        ready = dict(poller.poll())
        if socket in ready:
            header, body = socket.recv_multipart()
            tell(header.decode(), json.dumps(json.loads(body)))
        if sys.stdin.fileno() in ready:
            line = sys.stdin.buffer.raw.readline().decode().strip()
            if not line:
                break
            add, prefix = line[0] == '+', line[1:].encode()
            if kind == 'XSUB':
                socket.send((b'\x01' if add else b'\x00') + prefix)
            else:
                socket.setsockopt(zmq.SUBSCRIBE if add else zmq.UNSUBSCRIBE, prefix)
    socket.close()
    context.term()


if sys.argv[1] == 'ws':
    asyncio.run(ws(sys.argv[2]))
else:
    zmq(*sys.argv[1:])
