"""Follows a node whose event_link is WS. Usage: ws.py ws://HOST:PORT/HEADER/HEADER... COUNT"""
import asyncio
import json
import sys

import websockets


async def follow(uri, count):
    async with websockets.connect(uri) as link:
        print('connected', flush=True)
        for _ in range(count):
            header, body = json.loads(await link.recv())
            print(header, body.get('process_name') or body.get('application_name'), body['statename'], flush=True)


asyncio.run(follow(sys.argv[1], int(sys.argv[2])))
