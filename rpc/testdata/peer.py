"""The other side of python_test.go: Python's own XML-RPC library.

Each line of standard input is a base64 coded response, which is read, written again and sent back; the line "make SEED" asks
for a response with a random value. Answers are single lines too, "error ..." when the library refuses.
"""
import base64
import random
import sys
import xmlrpc.client

# The library writes no integer beyond 32 bit, but reads them.
xmlrpc.client.MAXINT = 2 ** 63 - 1
xmlrpc.client.MININT = -2 ** 63

ALPHABET = 'abc XYZ\t\n&<>"\'\u00e9\u20ac\u4e2d\U0001f600]'


def text(rnd):
    return ''.join(rnd.choice(ALPHABET) for _ in range(rnd.randrange(12)))


def value(rnd, depth=0):
    kind = rnd.randrange(7 if depth > 3 else 9)
    if kind == 0:
        return text(rnd)
    if kind == 1:
        return rnd.randrange(-2 ** 31, 2 ** 31)
    if kind == 2:
        return rnd.random() < 0.5
    if kind == 3:
        return rnd.choice([0.0, 1.0, -2.5, rnd.random(), rnd.uniform(-1e20, 1e20), rnd.uniform(-1e-6, 1e-6)])
    if kind == 4:
        return xmlrpc.client.Binary(bytes(rnd.randrange(256) for _ in range(rnd.randrange(200))))
    if kind == 5:
        return xmlrpc.client.DateTime('%04d%02d%02dT%02d:%02d:%02d' % (
            rnd.randrange(1, 9999), rnd.randrange(1, 13), rnd.randrange(1, 29),
            rnd.randrange(24), rnd.randrange(60), rnd.randrange(60)))
    if kind == 6:
        return rnd.randrange(-2 ** 63, 2 ** 63)
    if kind == 7:
        return [value(rnd, depth + 1) for _ in range(rnd.randrange(5))]
    return {text(rnd): value(rnd, depth + 1) for _ in range(rnd.randrange(5))}


def dump(v):
    # a bare carriage return would come back as a line feed
    return xmlrpc.client.dumps((v,), methodresponse=True).replace('\r', '&#13;')


for line in sys.stdin:
    line = line.strip()
    try:
        if line.startswith('make '):
            answer = dump(value(random.Random(int(line[5:]))))
        else:
            answer = dump(xmlrpc.client.loads(base64.b64decode(line))[0][0])
        print(base64.b64encode(answer.encode()).decode(), flush=True)
    except Exception as e:
        print('error', repr(e).replace('\n', ' '), flush=True)
